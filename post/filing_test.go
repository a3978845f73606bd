package post_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

const (
	inPresident = "APRF, f. 45, op. 1, d. 336, ll. 20-21"
	inMinistry  = "AVPRF, Fond 059a, Opis 5a, Delo 3, Papka 11, Listy 196-197"
)

func says(s string) *string { return &s }

// file files a telegram at a post.
func (x *desks) file(way archive.Way, number uint32, c *archive.Change) *post.Filing {
	x.m.t.Helper()
	f, fresh, err := x.File(background, way, 0, number, "", c)
	if err != nil || !fresh {
		x.m.t.Fatal(fresh, err)
	}
	return f
}

// registeredOne is MOSCOW with one telegram that has its numbers and has not left.
func registeredOne(t *testing.T, database func(string) *store.DB) *desks {
	t.Helper()
	m := openOn(t, database, func(c *post.Config) { c.Retry = 200 * time.Millisecond })
	m.run("MOSCOW")
	x := m.at("MOSCOW")
	id := x.send(plain)
	m.until("it has its number", func() bool { return x.state(id).Number == 1 })
	m.crash()
	return x
}

func TestFile(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			m := openOn(t, func(string) *store.DB { return database(t) }, nil)
			m.run("MOSCOW", "BEIJING")
			moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
			moscow.send(plain)
			m.delivered("MOSCOW")
			first := moscow.file(archive.Out, 1, &archive.Change{At: []string{inPresident}, Summary: says("Relief trains."), Language: says("Russian")})
			if first.N != 1 || len(first.Locations) != 1 || first.Language != "ru" || len(first.History) != 0 {
				t.Errorf("filed as %+v", first)
			}
			second := moscow.file(archive.Out, 1, &archive.Change{At: []string{inMinistry}})
			if second.N != 2 || len(second.Locations) != 2 || second.Summary != "Relief trains." || len(second.History) != 1 || second.Entry <= first.Entry {
				t.Errorf("then as %+v", second)
			}
			third := moscow.file(archive.Out, 1, &archive.Change{Summary: says("Two relief trains."), Withdraw: []string{inPresident}})
			if third.N != 3 || len(third.Locations) != 1 || third.History[1].Summary != "Relief trains." || len(third.History[1].Locations) != 2 {
				t.Errorf("corrected it is %+v", third)
			}
			again, fresh, err := moscow.File(background, archive.Out, 0, 1, "", &archive.Change{At: []string{inMinistry}, Language: says("ru")})
			if err != nil || fresh || again.N != 3 {
				t.Errorf("the same again: %+v, %v, %v", again, fresh, err)
			}
			// The receiver files it for itself, and nothing of it goes from one to the other.
			beijing.file(archive.In, 1, &archive.Change{At: []string{"Legation Archive, Box 3, Folder 7"}})
			m.crash()
			out, in := moscow.shown(archive.Out, 1), beijing.shown(archive.In, 1)
			if !out.Verified || out.Filing.N != 3 || !in.Verified || in.Filing.N != 1 || in.Filing.Summary != "" {
				t.Errorf("shown: %v, %+v; %v, %+v", out.Findings, out.Filing, in.Findings, in.Filing)
			}
			if !strings.Contains(strings.Join(out.Checked, "\n"), "how it is filed") {
				t.Errorf("checked: %v", out.Checked)
			}
			if n := moscow.count("select count(*) from entry where kind = 8"); n != 3 {
				t.Errorf("%d filings were entered", n)
			}
			m.whole()
		})
	}
}

func TestFileRefuses(t *testing.T) {
	x := registeredOne(t, func(string) *store.DB { return storetest.SQLite(t) })
	refuse := func(number uint32, way archive.Way, c *archive.Change, want string) {
		t.Helper()
		_, _, err := x.File(background, way, 0, number, "", c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	at := []string{inPresident}
	refuse(1, archive.Out, &archive.Change{}, "it needs a place")
	refuse(1, archive.Out, &archive.Change{Summary: says("Words.")}, "it needs a place")
	refuse(1, archive.Out, &archive.Change{At: []string{"the cupboard"}}, "no labelled part")
	refuse(1, archive.Out, &archive.Change{At: at, Language: says("Klingonese")}, "no language that is known")
	refuse(1, archive.Out, &archive.Change{At: at, Summary: says("Contents:\n\nScan - Dutch")}, "the summary would not be read")
	refuse(2, archive.Out, &archive.Change{At: at}, "no such telegram is filed here")
	refuse(1, archive.In, &archive.Change{At: at}, "no such telegram is filed here")
	if n := x.count("select count(*) from filing") + x.count("select count(*) from entry where kind = 8"); n != 0 {
		t.Errorf("%d were kept", n)
	}
	if s := x.shown(archive.Out, 1); s.Filing != nil || !s.Verified {
		t.Errorf("shown: %+v, %v", s.Filing, s.Findings)
	}
}

// TestFileBroken breaks the filing of a telegram, once so that it is lost and once so that it is kept and reported failed. Done again it
// stands there once.
func TestFileBroken(t *testing.T) {
	for engine, database := range engines {
		for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
			t.Run(fmt.Sprint(engine, " ", stage), func(t *testing.T) {
				b := &breaker{stage: stage}
				x := registeredOne(t, func(string) *store.DB {
					db := database(t)
					db.Fault = b.fault
					return db
				})
				kept := map[store.Stage]int64{store.AfterCommit: 1}[stage]
				for n, c := range []*archive.Change{{At: []string{inPresident, inMinistry}, Summary: says("Words.")}, {Summary: says("Other words.")}} {
					b.again(1)
					if _, _, err := x.File(background, archive.Out, 0, 1, "", c); !errors.Is(err, errBroken) {
						t.Fatal(err)
					}
					b.mend()
					x.reopen()
					if got := x.count("select count(*) from filing"); got != int64(n)+kept {
						t.Errorf("after the break there are %d", got)
					}
					x.m.whole()
					f, fresh, err := x.File(background, archive.Out, 0, 1, "", c)
					if err != nil || fresh != (kept == 0) || f.N != n+1 || f.Summary != *c.Summary {
						t.Errorf("done again: %+v, %v, %v", f, fresh, err)
					}
				}
				if e := x.count("select count(*) from entry where kind = 8"); e != 2 {
					t.Errorf("%d were entered", e)
				}
				if s := x.shown(archive.Out, 1); !s.Verified || s.Filing.N != 2 {
					t.Errorf("shown: %v, %+v", s.Findings, s.Filing)
				}
				x.m.whole()
			})
		}
	}
}

// TestVerifyNamesFilings: whoever changes how a telegram is filed behind the register's back is found by verify, and by show.
func TestVerifyNamesFilings(t *testing.T) {
	x := registeredOne(t, func(string) *store.DB { return storetest.SQLite(t) })
	x.file(archive.Out, 1, &archive.Change{At: []string{inPresident}})
	x.file(archive.Out, 1, &archive.Change{At: []string{inMinistry}})
	x.tamper("create table kept_filing as select * from filing")
	for what, c := range map[string]struct {
		change string
		show   bool // show sees it too
	}{
		"the last one deleted":         {"delete from filing where n = 2", false},
		"the first one deleted":        {"delete from filing where n = 1", false},
		"all deleted":                  {"delete from filing", false},
		"altered":                      {"update filing set said = zeroblob(60) where n = 2", true},
		"an older one in its place":    {"update filing set said = (select said from filing where n = 1) where n = 2", true},
		"at another time":              {"update filing set at = at + 1 where n = 1", true},
		"with another entry":           {"update filing set entry = (select entry from filing where n = 1) where n = 2", true},
		"one that nobody entered":      {"insert into filing select of, 3, said, entry, at from filing where n = 2", true},
		"moved to another telegram":    {"update filing set of = 2", false},
		"an entry that is no filing's": {"update filing set entry = 0 where n = 2", true},
	} {
		t.Run(what, func(t *testing.T) {
			x.tamper(c.change)
			defer func() {
				_ = x.db.Write(background, func(tx *store.Tx) error { _, err := tx.Exec("delete from filing"); return err })
				x.tamper("insert into filing select * from kept_filing")
			}()
			r, err := x.VerifyRegister(background, nil)
			if err != nil || len(r.Findings) == 0 || !strings.Contains(r.Findings[0].What, "description") {
				t.Errorf("verify: %v, %+v", err, r.Findings)
			}
			if s := x.shown(archive.Out, 1); s.Verified == c.show {
				t.Errorf("shown: verified %v, %v", s.Verified, s.Findings)
			}
		})
	}
	x.m.whole()
}

// TestRecordOfAPost holds the law of the record over telegrams as posts show them: what archives publish of one is read back as it was.
func TestRecordOfAPost(t *testing.T) {
	m := open(t, nil)
	m.run("MOSCOW", "BEIJING")
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	texts := []string{
		plain,
		"To: AMBASSADOR@BEIJING; flash\nTo: ATTACHE@BEIJING\nClassification: secret\nCaveat: SPECIAL FILE\nAsk: receipt, fulfilment\nSignature: MINISTER\nDepartment: Tenth department\nCopy: Minister\nCopy: Copy\n\n" +
			"Call on Zhou Enlai and hand over to him the following:\n\n[convey to Zhou Enlai]\n\nWe agree.\n\n1. The first point stands.\n\n2. The second waits.\n\n[end PRINCIPAL]\n\nReport by tomorrow.\n",
		"Type: exercise\nTo: AMBASSADOR@BEIJING\nSignature: MINISTER\n\n1. Ask for more time.\n\n2. Say nothing of the cost.\n",
	}
	for _, text := range texts {
		moscow.send(text)
		m.delivered("MOSCOW")
	}
	m.crash()
	for n := range texts {
		number := []uint32{1, 2, telegram.Exercise.Mark(1)}[n]
		moscow.file(archive.Out, number, &archive.Change{At: []string{inPresident, inMinistry}, Summary: says("One.\n\nTwo."), Language: says("ru")})
		beijing.file(archive.In, number, &archive.Change{At: []string{inMinistry}})
		for _, s := range []*post.Shown{moscow.shown(archive.Out, number), beijing.shown(archive.In, number)} {
			r := archive.NewRecord(s.Post, &s.Telegram, &s.Filing.Description)
			page := r.String()
			back := must(archive.ReadSheet(strings.NewReader(page)))
			if back.Title != r.Title || back.Date != r.Date || back.Summary != r.Summary || back.OriginalLanguage != r.OriginalLanguage || len(back.Unplaced) > 0 ||
				!reflect.DeepEqual(back.Locations, r.Locations) {
				t.Errorf("%s %d: the head is read as %+v\n%s", s.Post, number, back, page)
			}
			if want, got := must(json.Marshal(s.Telegram)), must(json.Marshal(back.Telegram)); string(want) != string(got) {
				t.Errorf("%s %d: the telegram was\n%s\nand is read as\n%s\n%s", s.Post, number, want, got, page)
			}
		}
	}
}
