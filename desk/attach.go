package desk

import (
	"fmt"
	"strconv"
	"strings"

	"chancery.example/chancery/telegram"
)

// attach reads a file to be attached:  path/to/file  or  path/to/file as name.
func (p *formReader) attach(value string) error {
	a := Attach{Path: value}
	if i := strings.LastIndex(value, " as "); i >= 0 {
		a.Path, a.Name = strings.TrimSpace(value[:i]), strings.TrimSpace(value[i+4:])
		if err := telegram.CheckAttachmentName(a.Name); err != nil {
			return err
		}
	}
	if a.Path == "" {
		return fmt.Errorf("%q attaches nothing: write  Attach: path/to/file , or  Attach: path/to/file as name", shorten(value))
	}
	p.f.Attach = append(p.f.Attach, a)
	return p.f.checkAttached()
}

// attached reads a file that was read in: its number at this post, and the name under which it is attached.
func (p *formReader) attached(value string) error {
	number, name, _ := strings.Cut(value, " ")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 {
		return fmt.Errorf("%q is no file that was read in: write  Attach: path/to/file , and chancery reads it in", shorten(value))
	}
	a := Attached{ID: id, Name: strings.TrimSpace(name)}
	if err := telegram.CheckAttachmentName(a.Name); err != nil {
		return err
	}
	for _, x := range p.f.Attached {
		if x.ID == id {
			return fmt.Errorf("file %d is attached already", id)
		}
	}
	p.f.Attached = append(p.f.Attached, a)
	return p.f.checkAttached()
}

func (f *Form) checkAttached() error {
	if n := len(f.Attach) + len(f.Attached); n > telegram.MaxAttachments {
		return fmt.Errorf("at most %d attachments are possible", telegram.MaxAttachments)
	}
	return nil
}

// writeAttached writes the lines that attach files.
func (f *Form) writeAttached(line func(key, value string)) {
	for _, a := range f.Attach {
		if a.Name != "" {
			a.Path += " as " + a.Name
		}
		line("Attach", a.Path)
	}
	for _, a := range f.Attached {
		line("Attached", fmt.Sprintf("%d %s", a.ID, a.Name))
	}
}
