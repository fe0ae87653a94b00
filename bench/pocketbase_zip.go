// A peer for the benchmarks: packs a data directory the way PocketBase packs its backups. Every file is
// one deflate stream of Go's fastest level with a data descriptor; folders have no entries. Standard
// library only:
//
//	go build -o pocketbase_zip bench/pocketbase_zip.go
//	./pocketbase_zip PB_DATA ARCHIVE
package main

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// What never is part of a backup, PocketBase's and ours.
var leftOut = map[string]bool{
	"backups":            true,
	".autocert_cache":    true,
	".pb_temp_to_delete": true,
	".pocketvault":       true,
}

func fastest(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) }

func add(archive *zip.Writer, folder, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	header.Name = filepath.ToSlash(name)
	header.Method = zip.Deflate
	packed, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(packed, file)
	return err
}

func pack(folder, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	archive.RegisterCompressor(zip.Deflate, fastest)
	err = filepath.WalkDir(folder, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || at == folder {
			return err
		}
		name, err := filepath.Rel(folder, at)
		if err != nil {
			return err
		}
		switch {
		case leftOut[name] && entry.IsDir():
			return filepath.SkipDir
		case leftOut[name] || entry.IsDir():
			return nil
		}
		return add(archive, folder, name, entry)
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return file.Close()
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pocketbase_zip PB_DATA ARCHIVE")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "pocketbase_zip:", err)
		os.Exit(1)
	}
}
