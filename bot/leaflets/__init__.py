"""A page to print: one service card in plain words, for those who meet the people it is for. No person is in it."""

from bot.leaflets.page import Leaflet, as_html, as_pdf, leaflet

__all__ = ["Leaflet", "as_html", "as_pdf", "leaflet"]
