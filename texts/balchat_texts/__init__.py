"""What balchat's front ends say, in each language.

`Texts` speaks one language; `languages` lists those that there are; `catalogue` is what one of them has.
"""

from balchat_texts.catalogue import Catalogue, catalogue, choose_language, languages
from balchat_texts.texts import Texts

__all__ = ["Catalogue", "Texts", "catalogue", "choose_language", "languages"]
