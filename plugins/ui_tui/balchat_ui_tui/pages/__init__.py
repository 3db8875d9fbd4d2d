"""What the screens besides the conversations are made of: pages, lists, forms and questions."""
