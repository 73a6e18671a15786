"""How dates are written where Django's own way would mislead: Havre's English is that of Europe."""
