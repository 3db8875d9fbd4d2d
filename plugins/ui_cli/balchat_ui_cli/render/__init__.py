"""How the contracts' values look to a person. JSON does not come through here."""
