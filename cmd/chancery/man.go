package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "man FOLDER", Short: "Write the manual pages, one for each command",
		Long:    "Writes a manual page of section 1 for each command into a folder, which is made if it is not there.",
		Example: "  chancery man /usr/local/share/man/man1\n  chancery man pages && man -l pages/chancery-release.1",
		Args:    exactly("FOLDER"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root.DisableAutoGenTag = true // the same pages on every run
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "CHANCERY", Section: "1", Source: "Chancery", Manual: "Chancery"}, args[0]); err != nil {
				return fmt.Errorf("writing the manual pages: %w", err)
			}
			pages, err := os.ReadDir(args[0])
			if err != nil {
				return err
			}
			return a.say(map[string]any{"folder": args[0], "pages": len(pages)}, "%d pages are in %s.\nNext: read one:  man -l %s/chancery.1\n", len(pages), args[0], args[0])
		},
	}
}
