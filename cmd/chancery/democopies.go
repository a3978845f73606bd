package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// distribute makes the numbered copies of the sheet: a holder with a key of his own for each name, a copy sealed to each. The first is handed
// out and opened at its holder's desk.
func (d *demo) distribute(ctx context.Context, home *demoPost, s *post.Shown) error {
	var names []string
	var first holderAdded
	for _, name := range s.Telegram.Copies {
		if slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
		var added holderAdded
		if err := d.at(ctx, home, "", &added, "holder", "add", name); err != nil {
			return err
		}
		if len(names) == 1 {
			first = added
		}
	}
	number := telegram.NumberText(s.Number)
	args := []string{"copies", "make", number}
	for _, name := range names {
		args = append(args, "--for", name)
	}
	var l post.CopyList
	if err := d.at(ctx, home, "", &l, args...); err != nil {
		return err
	}
	out := filepath.Join(home.folder, "copy-1")
	if err := d.at(ctx, home, "", nil, "copies", "give", number, "1", "--sent", "--out", out); err != nil {
		return err
	}
	var opened openedCopy
	if err := d.at(ctx, home, "", &opened, "copy", "open", out, "--key", first.Key); err != nil {
		return err
	}
	d.stage(demoStage{Name: "distribute", At: time.Now(), Post: home.name,
		What: fmt.Sprintf("%d numbered copies, each sealed to its holder; No. 1 opened by %s; the list stays here and was not sent", len(l.Copies), opened.Holder)})
	return nil
}
