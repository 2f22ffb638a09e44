// Package web carries the browser part of Linhui inside the binary.
//
// `make web` writes the bundle to dist/playground, which git ignores. dist itself is always there,
// because dist/.gitignore is committed, so that the module compiles on a machine without Node.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist unbuilt
var files embed.FS

const (
	bundleDir  = "dist/playground"
	unbuiltDir = "unbuilt"
)

// ContentSecurityPolicy is all that the playground needs. Monaco and framer-motion write style
// elements and attributes, hence 'unsafe-inline' for styles alone; images from data: are the
// squiggles that Monaco draws under errors. Scripts, workers, fonts and connections (graphql-ws
// too) are the page's own origin.
const ContentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Built reports whether the bundle was there when the binary was compiled.
func Built() bool {
	_, err := fs.Stat(files, bundleDir+"/index.html")
	return err == nil
}

// Playground holds index.html, to be served at the root of an origin, and the files it loads. Those
// under assets/ have a hash of their content in their names and may be cached for ever; index.html
// may not. Unless Built, there is only an index.html that says what to do.
func Playground() fs.FS {
	if Built() {
		return sub(bundleDir)
	}
	return sub(unbuiltDir)
}

// sub is fs.Sub for a well-formed dir, which cannot fail.
func sub(dir string) fs.FS {
	fsys, err := fs.Sub(files, dir)
	if err != nil {
		panic(err)
	}
	return fsys
}
