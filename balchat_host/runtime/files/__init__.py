"""Files as they lie here, sealed: written and opened in ranges, and handed part by part to who may have them."""
