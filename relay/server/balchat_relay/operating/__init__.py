"""What the operator needs: the data folder, metrics, status, backup, check."""
