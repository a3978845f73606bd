package post_test

import (
	"bytes"
	"testing"
	"time"

	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
)

// The post keeps the table and cannot read it: neither it nor its database has the name behind the name, and a change shows.
func TestCoverTable(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	key := must(seal.NewLetterKey())
	if _, err := x.AddHolder(background, "Minister", key.Public()); err != nil {
		t.Fatal(err)
	}
	give := func(name, who string) error {
		sealed := must(post.CoverCopy("MOSCOW", name).Seal(who, "Minister", must(seal.NewRecipient(key.Public()))))
		_, err := x.GiveCover(background, &post.Cover{Name: name, From: time.Now().Add(-time.Hour), Sealed: map[string][]byte{"Minister": sealed}})
		return err
	}
	const who = "the chairman himself, known to two"
	if err := give("PRINCIPAL", who); err != nil {
		t.Fatal(err)
	}
	list := must(x.Covers(background))
	if len(list) != 1 || list[0].Name != "PRINCIPAL" {
		t.Fatalf("%+v", list)
	}
	_, sheet, err := seal.OpenCopy(list[0].Sealed["Minister"], "Minister", key)
	if err != nil || sheet.Text != who {
		t.Error(err)
	}
	for _, b := range append(x.values("select body from cover"), x.values("select said from entry where said is not null")...) {
		if bytes.Contains(b, []byte(who)) {
			t.Error("it stands in the database")
		}
	}
	// Sealed for another name it is not taken: a clerk cannot put one man's seal under another's name.
	other := must(post.CoverCopy("MOSCOW", "OTHER").Seal(who, "Minister", must(seal.NewRecipient(key.Public()))))
	if _, err := x.GiveCover(background, &post.Cover{Name: "THIRD", From: time.Now(), Sealed: map[string][]byte{"Minister": other}}); err == nil {
		t.Error("what is sealed for another name was taken")
	}
	if err := give("SECOND", who); err != nil {
		t.Fatal(err)
	}
	m.whole()
	for _, change := range []string{
		"delete from cover where n = 1",
		"update cover set body = (select body from cover where n = 1) where n = 2",
		"update cover set entry = entry + 100 where n = 2",
	} {
		x.tablesOf([]string{"cover"}, "create table kept_%s as select * from %[1]s")
		x.tamper(change)
		if r, err := x.VerifyRegister(background, nil); err == nil && len(r.Findings) == 0 {
			t.Errorf("not found: %s", change)
		}
		x.tablesOf([]string{"cover"}, "delete from %s")
		x.tablesOf([]string{"cover"}, "insert into %s select * from kept_%[1]s")
		x.tablesOf([]string{"cover"}, "drop table kept_%s")
	}
	m.whole()
	if _, err := x.EndCover(background, "principal"); err != nil {
		t.Fatal(err)
	}
	if err := give("PRINCIPAL", who); err != nil {
		t.Errorf("given again after its end: %v", err)
	}
}
