package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"chancery.example/chancery/archive"
)

// filing is what the demo says of the telegram when it files it: what the sheet says. A sheet that names no archive gives nothing, since to
// file somebody's telegram in an archive of our own choice would be an invention.
func (d *demoPlan) filing() (args []string) {
	for _, l := range d.sheet.Locations {
		if _, err := archive.ParseLocation(l.String()); err == nil && len(args) < archive.MaxLocations {
			args = append(args, "--at="+l.String())
		}
	}
	if len(args) == 0 {
		return nil
	}
	if s := d.sheet.Summary; s != "" && len(s) <= archive.MaxSummary {
		args = append(args, "--summary="+s)
	}
	if code, err := archive.ParseLanguage(d.sheet.OriginalLanguage); err == nil {
		args = append(args, "--language="+code)
	}
	return args
}

// file files the telegram at the sending post.
func (d *demo) file(ctx context.Context) error {
	args, home := d.plan.filing(), d.plan.home()
	if args == nil {
		return nil
	}
	var filed filedNow
	if err := d.at(ctx, home, "", &filed, append([]string{"file", "--out", fmt.Sprint(d.plan.number)}, args...)...); err != nil {
		return err
	}
	var places []string
	for _, l := range filed.Filing.Locations {
		places = append(places, l.Short())
	}
	d.stage(demoStage{Name: "file", At: time.Now(), Post: home.name, What: strings.Join(places, " and ")})
	return nil
}

// record asks a new process for what was filed.
func (d *demo) record(ctx context.Context) error {
	if d.plan.filing() == nil {
		return nil
	}
	return d.at(ctx, d.plan.home(), "", &d.out.Record, "show", "--out", fmt.Sprint(d.plan.number), "--record")
}

func (d *demo) printRecord(w io.Writer) {
	if d.out.Record != nil {
		fmt.Fprintf(w, "\n──── %s, the filed record ────\n\n%s", d.plan.home().name, d.out.Record)
	}
}
