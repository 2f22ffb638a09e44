// Command gen runs gqlgen with what the house adds to it: enums and orders bound without a
// line a type, resolvers for every described link, the federation root fields, and generated
// code that starts no goroutine for a list's element and no context for a plain field.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
)

func main() {
	log.SetOutput(io.Discard) // gqlgen reports each described link as a method it did not find
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	cfg, err := config.LoadConfig("gqlgen.yml")
	if err != nil {
		return err
	}
	// gqlgen loads the package it is about to write; what an older schema left there must not
	// get in its way, nor be lost when the new schema is broken.
	restore, err := setAside(cfg.Exec.DirName)
	if err != nil {
		return err
	}
	if err := generate(cfg); err != nil {
		return errors.Join(err, restore())
	}
	return nil
}

func generate(cfg *config.Config) error {
	cfg.Model = config.PackageConfig{} // every type is bound to one of store, page or scalar; none is invented
	cfg.SkipValidation = true          // the rewritten code is what is to compile; `make generate` builds it
	p := &plugin{}
	if err := api.Generate(cfg, api.PrependPlugin(p)); err != nil {
		return err
	}
	return rewrite(cfg.Exec.DirName, p)
}
