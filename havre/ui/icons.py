"""Our own icons: 24-pixel drawings in one stroke, always beside a word (`{% icon "name" %}`)."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe

_DOT = "v.01"  # a stroke this short is drawn as a round dot

_DRAWINGS = {
    "home": "M4 11.5 12 4l8 7.5M6 10v9.5h12V10M10 19.5v-5h4v5",
    "search": "M16.5 10.5a6 6 0 1 1-12 0 6 6 0 0 1 12 0zM15 15l5 5",
    "person": "M15.6 8a3.6 3.6 0 1 1-7.2 0 3.6 3.6 0 0 1 7.2 0zM5 20c.6-4 3.4-6 7-6s6.4 2 7 6",
    "people": "M12.2 8.5a3.2 3.2 0 1 1-6.4 0 3.2 3.2 0 0 1 6.4 0zM2.8 19.5c.5-3.6 2.9-5.4 6.2-5.4"
    "s5.7 1.8 6.2 5.4M15.5 5.6a3.2 3.2 0 0 1 0 5.8M17.6 14.5c2 .7 3.2 2.4 3.6 5",
    "document": "M6 3.5h8l4.5 4.5v12.5H6zM14 3.5V8h4.5M9 12.5h6M9 16h6",
    "camera": "M3.5 8h4L9 5.5h6L16.5 8h4v11.5h-17zM15.4 13.2a3.4 3.4 0 1 1-6.8 0 3.4 3.4 0 0 1 6.8 0z",
    "upload": "M12 16V4.5M7.5 9 12 4.5 16.5 9M4.5 15.5v4h15v-4",
    "download": "M12 4v11.5M7.5 11l4.5 4.5 4.5-4.5M4.5 15.5v4h15v-4",
    "print": "M7 8.5v-5h10v5M7 16.5H4v-8h16v8h-3M7 13.5h10v7H7z",
    "lock": "M5.5 10.5h13V20h-13zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5M12 14.5v2",
    "key": "M12 15.5a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM11 12.6 19.5 4M16 7.5l3 3M13.6 10l2 2",
    "check": "M4.5 12.5l5 5 10-11",
    "cross": "M6 6l12 12M18 6 6 18",
    "warning": f"M12 4 2.8 19.8h18.4zM12 10v4.5M12 17{_DOT}",
    "clock": "M20.5 12a8.5 8.5 0 1 1-17 0 8.5 8.5 0 0 1 17 0zM12 7v5.2l3.5 2",
    "phone": "M6.4 3.8 9 3.5l1.8 4.3-2.2 1.7c1 2.3 2.7 4 5 5l1.8-2.2 4.3 1.8-.3 2.6c-.2 1.6-1.4 2.5-3 2.3"
    "C9.8 18.2 5.4 13.6 4.2 7c-.2-1.6.6-2.9 2.2-3.2z",
    "message": "M4 5h16v11h-8.5L7 20v-4H4zM8 9h8M8 12.2h5",
    "language": "M3.5 6h9M8 3.5V6M10.5 6c-.8 3.6-3 6.2-6.5 8M5.5 9c1.2 2.3 3 3.9 5 5M12.5 20.5l4-10 4 10M14 17h5",
    "speaker": "M4 9.5v5h3.5l4.5 4v-13l-4.5 4zM15.2 9a4.2 4.2 0 0 1 0 6M17.8 6.3a8 8 0 0 1 0 11.4",
    "leave": "M13 4H5v16h8M10 12h10.5M17 8.5l3.5 3.5-3.5 3.5",
    "arrow": "M5 12h14M13.5 6.5 19 12l-5.5 5.5",
    "back": "M19 12H5M10.5 6.5 5 12l5.5 5.5",
    "eye": "M2.5 12c2.3-4.2 5.5-6.3 9.5-6.3s7.2 2.1 9.5 6.3c-2.3 4.2-5.5 6.3-9.5 6.3S4.8 16.2 2.5 12z"
    "M15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0z",
    "structure": "M4 20.5v-14l8-3v17M12 9.5h8v11M2.5 20.5h19M7.5 9.5h1M7.5 13h1M7.5 16.5h1M15.5 13h1M15.5 16.5h1",
    "calendar": "M4 6h16v14H4zM4 10.5h16M8.5 3.5V8M15.5 3.5V8",
    "inbox": "M4 13.5 6.5 5h11L20 13.5V19H4zM4 13.5h4.5a3.5 3.5 0 0 0 7 0H20",
    "card": "M3 5.5h18v13H3zM3 10h18M6.5 14.5h4",
    "signature": "M3.5 16c3-1 6.5-9.5 5-11.5C7 3 5.5 8 6.5 12s3 4.5 4.5 2 2-3 2.3-1-.1 3 1.7 2.5 2-1.5 5.5-1.5"
    "M3.5 20.3h17",
    "heart-hand": "M12 11C8.3 8.5 7.6 6.6 8 5.3c.6-2 3-2.2 4-.4 1-1.8 3.4-1.6 4 .4.4 1.3-.3 3.2-4 5.7z"
    "M3 14.5h5.5c2 0 3 .6 3 1.6s-1 1.4-3 1.3M11.5 16.8l5.8-2.7c1.4-.6 2.6.9 1.4 2l-5.6 4.1c-.6.4-1.3.5-2 .3L6.5 19.2H3",
    "wifi-off": "M3 3.5l18 17M2.5 9.5a14 14 0 0 1 4.3-2.8M10.5 5.6c4.2-.4 8 1 11 3.9M5.7 13a9 9 0 0 1 4.2-2.4"
    f"M14.8 11c1.3.4 2.5 1.1 3.5 2M9 16.3a4.5 4.5 0 0 1 5.7 0M12 19.7{_DOT}",
    "plus": "M12 5v14M5 12h14",
    "menu": "M4 6.5h16M4 12h16M4 17.5h16",
    "info": f"M20.5 12a8.5 8.5 0 1 1-17 0 8.5 8.5 0 0 1 17 0zM12 11v5.5M12 7.6{_DOT}",
    "journal": "M6 3.5h12.5v17H6a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2zM4 18.5c0-1.1.9-2 2-2h12.5M8.5 7.5h6M8.5 11h6",
    "erase": "M9 7.5h11v9H9L4 12zM12 10l4 4M16 10l-4 4",
    "settings": "M4 7.5h9M17 7.5h3M4 16.5h3M11 16.5h9M17 7.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0z"
    "M11 16.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
}
_FOLLOWS_READING = {"arrow", "back", "leave"}


def _svg(name: str, drawing: str) -> SafeString:
    kind = "icon icon-flip" if name in _FOLLOWS_READING else "icon"
    return mark_safe(  # noqa: S308 (our own drawings, no value from outside)
        f'<svg class="{kind}" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="{drawing}"/></svg>'
    )


ICONS = {name: _svg(name, drawing) for name, drawing in _DRAWINGS.items()}
