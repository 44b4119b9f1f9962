// zipread t|x ALBUM FOLDER   tests or unpacks a ZIP by Go's archive/zip, which verifies CRCs.
package main

import (
	"archive/zip"
	"io"
	"log"
	"os"
	"path/filepath"
)

func main() {
	mode, album, folder := os.Args[1], os.Args[2], os.Args[3]
	archive, err := zip.OpenReader(album)
	must(err)
	for _, entry := range archive.File {
		content, err := entry.Open()
		must(err)
		target := io.Discard
		if mode == "x" {
			path := filepath.Join(folder, entry.Name)
			must(os.MkdirAll(filepath.Dir(path), 0o755))
			file, err := os.Create(path)
			must(err)
			target = file
		}
		_, err = io.Copy(target, content)
		must(err)
		must(content.Close())
		if file, ok := target.(*os.File); ok {
			must(file.Close())
		}
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
