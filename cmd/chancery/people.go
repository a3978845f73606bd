package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// listedPerson is a person of a post as the directory has him.
type listedPerson struct {
	Number    uint32 `json:"number"`
	Roles     string `json:"roles"`
	Key       string `json:"key"`    // the one in use
	Digest    string `json:"digest"` // of that key, to be read out
	Standing  string `json:"standing"`
	Checked   string `json:"checked,omitempty"`
	Doubtful  bool   `json:"doubtful,omitempty"` // the key is without continuity, and nobody has checked it
	Here      bool   `json:"key_here,omitempty"` // the key file lies in the post's folder
	Suspended bool   `json:"suspended,omitempty"`
	Ended     bool   `json:"ended,omitempty"`
}

// listedOffice is an office and who has it.
type listedOffice struct {
	Office    string   `json:"office"`
	Person    uint32   `json:"person,omitempty"`
	Deputies  []uint32 `json:"deputies,omitempty"`
	Suspended bool     `json:"suspended,omitempty"`
}

func (a *app) peopleCommand() *cobra.Command {
	var of string
	c := &cobra.Command{
		Use: "people", Short: "List who works at a post, with roles, offices and deputies, and how their keys were checked",
		Example: "  chancery people --dir moscow\n  chancery people --post BEIJING --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			d, err := directoryOf(cmd.Context(), o)
			if err != nil {
				return err
			}
			if of == "" {
				of = f.config.Name
			}
			if _, ok := d.Post(of); !ok {
				return fmt.Errorf("the directory has no post %s", of)
			}
			files, err := f.people()
			if err != nil || of != f.config.Name || a.officerDir != "" {
				files = nil
			}
			return a.listPeople(d, of, files)
		},
	}
	c.Flags().StringVar(&of, "post", "", "another `post` than this one")
	return c
}

// listPeople prints a post's people; files are the key files that lie in the post's own folder.
func (a *app) listPeople(d *directory.Directory, of string, files map[string]string) error {
	here := 0
	people, offices := []listedPerson{}, []listedOffice{}
	var b strings.Builder
	fmt.Fprintf(&b, "%s", of)
	if d.Suspended(directory.Subject{Post: of}) {
		b.WriteString("  SUSPENDED")
	}
	if c, ok := d.CheckedPost(of); ok {
		fmt.Fprintf(&b, "  keys checked: %s, %s", c.How, c.At.Format("2006-01-02"))
	}
	if g, ok := d.Grant(of); ok {
		fmt.Fprintf(&b, "\n  grant: %d offices, %d people, roles %v", g.Offices, g.People, g.Roles)
	}
	b.WriteString("\n")
	for _, x := range d.Offices(of) {
		h := d.Holder(x)
		l := listedOffice{x.Office, h.Person, h.Deputies, d.Suspended(directory.Subject{Office: x})}
		offices = append(offices, l)
		fmt.Fprintf(&b, "  office %s: %s\n", x.Office, l.words())
	}
	for _, x := range d.People(of) {
		l := listPerson(d, x)
		if n := len(d.Keys(x.Number)); x.Roles&directory.Releaser != 0 && files[keyName(x.Number, n)] != "" && !l.Ended {
			l.Here = true
			here++
		}
		people = append(people, l)
		fmt.Fprintf(&b, "  person %d: %s; key %s, digest %s%s\n", l.Number, l.Roles, l.Key, l.Digest, l.words())
	}
	if here > 0 {
		fmt.Fprintf(&b, "The keys of %d who may release lie in this folder: releases are as strong as this machine. An officer's own machine:  chancery officer new\n", here)
	}
	return a.say(map[string]any{"post": of, "offices": offices, "people": people}, "%s", b.String())
}

func (l *listedOffice) words() string {
	s := "nobody is named"
	if l.Person != 0 {
		s = fmt.Sprintf("person %d", l.Person)
	}
	if len(l.Deputies) > 0 {
		s += ", deputies " + strings.Trim(strings.ReplaceAll(fmt.Sprint(l.Deputies), " ", ", "), "[]")
	}
	if l.Suspended {
		s += "  SUSPENDED"
	}
	return s
}

func listPerson(d *directory.Directory, x directory.Person) listedPerson {
	keys := d.Keys(x.Number)
	l := listedPerson{Number: x.Number, Roles: x.Roles.String(), Standing: "in force", Key: "none"}
	who := directory.Subject{Person: x.Number}
	if n := len(keys); n > 0 {
		ref := telegram.KeyRef{Person: x.Number, Key: uint16(n)}
		l.Key, l.Digest, l.Doubtful = ref.String(), keyDigest(keys[n-1].Key), d.Doubtful(ref)
		if c, ok := d.CheckedKey(ref); ok {
			l.Checked = fmt.Sprintf("%s, %s", c.How, c.At.Format("2006-01-02"))
		}
		if _, revoked := d.Revoked(ref); revoked {
			l.Standing = "key revoked"
		}
	}
	if l.Suspended = d.Suspended(who); l.Suspended {
		l.Standing = "suspended"
	}
	if l.Ended = d.Ended(who); l.Ended {
		l.Standing = "ended"
	}
	return l
}

func (l *listedPerson) words() (s string) {
	if l.Checked != "" {
		s += "; checked: " + l.Checked
	}
	if l.Doubtful {
		s += "; NEW KEY WITHOUT CONTINUITY: confirm it another way, then  chancery issue checked"
	}
	if l.Standing != "in force" {
		s += "; " + strings.ToUpper(l.Standing)
	}
	return s
}

// keyDigest is what people read to each other: 20 digits in groups of four, of the SHA-256 of both halves of a key.
func keyDigest(k directory.PublicKey) string {
	h := sha256.New()
	h.Write(k.Ed25519)
	h.Write(k.MLDSA)
	digits := hex.EncodeToString(h.Sum(nil)[:10])
	var groups []string
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " ")
}
