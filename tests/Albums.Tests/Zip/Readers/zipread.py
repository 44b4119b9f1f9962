# zipread.py t|x ALBUM FOLDER   tests or unpacks a ZIP by Python's zipfile.
import sys
import zipfile

mode, album, folder = sys.argv[1:]
with zipfile.ZipFile(album) as archive:
    if mode == "x":
        archive.extractall(folder)
    elif archive.testzip() is not None:
        sys.exit(f"{archive.testzip()} is damaged")
