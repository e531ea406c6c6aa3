"""Cut the web edition's math font out of TeX Gyre Pagella Math.

Usage: python web/fonts/make.py texgyrepagella-math.otf     (needs fonttools, brotli)

Debian has the source in its package fonts-texgyre-math. The license wants a changed
font to have another name: this one is called Course Math.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

NAME = "Course Math"
RANGES = [
    (0x20, 0x7E), (0xA0, 0xFF), (0x131, 0x131), (0x2C6, 0x2DC),  # Latin, accents
    (0x300, 0x338), (0x391, 0x3F6),  # accents, Greek
    (0x2000, 0x206F), (0x20D0, 0x20F0), (0x2102, 0x2138),  # spaces, letters
    (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2308, 0x230B),  # arrows, operators
    (0x27E6, 0x27EB), (0x27F5, 0x27FA), (0x2A7D, 0x2A7E),
    (0x1D400, 0x1D467), (0x1D49C, 0x1D4CF), (0x1D538, 0x1D56B),  # bold, script …
    (0x1D6A4, 0x1D71B), (0x1D7CE, 0x1D7D7),  # the same of Greek, bold figures
]  # fmt: skip
FAMILY, FULL, POSTSCRIPT, UNIQUE, DESCRIPTION = 1, 4, 6, 3, 10


def main(source):
    font = TTFont(source)
    options = Options(
        layout_features=["ssty", "dtls", "kern", "mark"],
        flavor="woff2",
        notdef_outline=True,
    )
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 7, 10, 13, 14]  # its notices stay
    cut = Subsetter(options)
    cut.populate(unicodes=[c for low, high in RANGES for c in range(low, high + 1)])
    cut.subset(font)
    for number in (FAMILY, FULL, UNIQUE):
        font["name"].setName(NAME, number, 3, 1, 0x409)
    font["name"].setName(NAME.replace(" ", ""), POSTSCRIPT, 3, 1, 0x409)
    change = "A subset of TeX Gyre Pagella Math, renamed; glyphs are unchanged."
    font["name"].setName(change, DESCRIPTION, 3, 1, 0x409)
    for number in (16, 17, 18, 20, 21, 22):
        font["name"].removeNames(nameID=number)
    font["name"].removeNames(platformID=1)
    top = font["CFF "].cff
    top.fontNames = [NAME.replace(" ", "")]
    top[0].FamilyName = top[0].FullName = NAME
    font.flavor = "woff2"
    font.save(Path(__file__).parent / "course-math.woff2")


if __name__ == "__main__":
    main(*sys.argv[1:])
