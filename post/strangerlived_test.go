package post_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// livedIn is a telegram in several sections, and a directory that was lived in since: those who signed it have left, their keys were replaced, and
// behind the checkpoint stands what people have issued.
type livedIn struct {
	files    map[string]string
	before   *directory.Directory // by which the telegram was sent
	sent     time.Time
	issuers  map[uint32]*seal.Signer
	stranger string // an envelope of another telegram, in hexadecimal
}

// The people of MOSCOW who issue: two administrators and a duty officer.
const (
	clerkA, clerkB, dutyOfficer = 150, 151, 152
	newcomer                    = 160
)

// enters states a person with a new key.
func (l *livedIn) enters(number uint32, roles directory.Role) []directory.Statement {
	return []directory.Statement{directory.Person{Number: number, Post: "MOSCOW", Roles: roles}, l.key(number)}
}

// key is the first key of a person.
func (l *livedIn) key(number uint32) directory.Key {
	signer := seal.NewSigner()
	l.issuers[number] = signer
	k := directory.Key{Ref: telegram.KeyRef{Person: number, Key: 1}, Key: public(signer)}
	k.Signature = vouch(signer, telegram.LabelKey, k.Body())
	return k
}

// issue has people issue a statement, as number n of MOSCOW's; 0 where it is not counted.
func (l *livedIn) issue(s directory.Statement, n int, people ...uint32) directory.Issued {
	i := directory.Issued{Statement: s, Number: n}
	if n > 0 {
		i.Post = "MOSCOW"
	}
	message := l.before.Fingerprint().ToIssue(i)
	for _, p := range people {
		i.By = append(i.By, directory.Issuer{Key: telegram.KeyRef{Person: p, Key: 1}, Signature: vouch(l.issuers[p], telegram.LabelIssue, message)})
	}
	return i
}

// hour is so many hours after the telegram was sent.
func (l *livedIn) hour(n int) time.Time {
	return l.sent.UTC().Truncate(time.Second).Add(time.Duration(n) * time.Hour)
}

func livedHandedOver(t *testing.T) *livedIn {
	t.Helper()
	l := &livedIn{issuers: map[uint32]*seal.Signer{}, sent: time.Now()}
	m := open(t, func(c *post.Config) { c.Witness = 200 * time.Millisecond })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = byte(i + 0x21)
	}
	key := must(seal.ParseLetterKey(seed))
	_, said := beijing.letterKey(7, beijing.nextSaid.NotBefore.Add(1))
	said.XWing, said.ID = key.Public(), [4]byte{8, 8, 8, 8}
	said.Signature = vouch(beijing.keys.Identity, telegram.LabelPeriod, said.Body())
	ss := []directory.Statement{said, directory.Grant{Post: "MOSCOW", Offices: 6, People: 12, Roles: directory.Drafter | directory.Releaser}}
	ss = append(ss, l.enters(clerkA, directory.Administrator)...)
	ss = append(ss, l.enters(clerkB, directory.Administrator)...)
	ss = append(ss, l.enters(dutyOfficer, directory.Duty)...)
	l.before = after(world().dir, ss...)
	m.adopts(l.before, "MOSCOW", "BEIJING")

	long := strings.Repeat("The harbour master counts what the ice has left: quays, cranes, and forty wagons on the mole. ", 12)
	moscow.send("From: MINISTRY\nTo: AMBASSADOR@BEIJING; flash\n\nAnother one.\n")
	moscow.send("From: MINISTRY\nTo: AMBASSADOR@BEIJING; flash\nInfo: MINISTRY@LONDON\nInfo: ATTACHE@BEIJING\nSubject: Ice\nAsk: receipt\n\n" + long + "\n\n渡轮停运。 " + long + "\n\nSay when it opens.\n")
	m.run("MOSCOW")
	var ours []string
	m.until("its sections are on their way", func() bool {
		ours, l.stranger = nil, ""
		seen := map[[16]byte]bool{}
		for _, p := range m.ether.from(moscow.route) {
			e := must(telegram.ParseEnvelope(p.envelope))
			if p.to != beijing.route || seen[e.ID] {
				continue
			}
			seen[e.ID] = true
			got := must(seal.Open(&e, key, "BEIJING", func(string) *seal.Verifier { return moscow.keys.Identity.Verifier() }))
			if s := must(telegram.ParseSection(got.Payload)); s.Serial == 2 {
				ours = append(ours, hex.EncodeToString(p.envelope))
			} else {
				l.stranger = hex.EncodeToString(p.envelope)
			}
		}
		return len(ours) == 3 && l.stranger != ""
	})
	m.crash()
	own := *beijing.secrets // the world's, which other tests share, do not have this key
	own.keys.Letters = append(slices.Clone(own.keys.Letters), post.LetterKey{ID: said.ID, Key: key})
	beijing.secrets = &own
	moscow.reopen()
	beijing.reopen()
	m.run()
	var incoming uint32
	m.until("it is received", func() bool {
		for _, x := range beijing.received() {
			if x.Serial == 2 {
				incoming = x.Number
			}
		}
		return incoming != 0
	})
	m.until("it is witnessed", func() bool {
		proof, err := moscow.Prove(background, archive.Out, 0, 2)
		return err == nil && strings.Contains(proof, "— "+register.Origin(beijing.route))
	})
	m.crash()
	// In another order than that of the text: any will do.
	ours[0], ours[2] = ours[2], ours[0]
	letters := fmt.Sprintf("to BEIJING\nkey %x\n", seed)
	for _, e := range ours {
		letters += "envelope " + e + "\n"
	}
	l.files = map[string]string{
		"directory.txt": string(l.since().Marshal()),
		"fingerprint":   l.before.Fingerprint().String() + "\n",
		"letter.txt":    letters,
		"proof.txt":     must(moscow.Prove(background, archive.Out, 0, 2)),
		"proof-in.txt":  must(beijing.Prove(background, archive.In, 0, incoming)),
		"expected":      moscow.shown(archive.Out, 2).Root.String(),
	}
	return l
}

// since is the directory as it is when the telegram is looked at, with every kind of statement in it.
func (l *livedIn) since() *directory.Directory {
	w := world()
	s, london := w.posts["MOSCOW"], w.posts["LONDON"]
	office := func(name string) telegram.Address { return telegram.Address{Office: name, Post: "MOSCOW"} }
	key, _ := renewed(l.hour(1))
	doubtful := directory.Key{Ref: telegram.KeyRef{Person: london.first, Key: 2}, Key: public(seal.NewSigner())}
	unknown := seal.NewSigner()
	doubtful.Key = public(unknown)
	doubtful.Signature = vouch(unknown, telegram.LabelKey, doubtful.Body())
	d := after(l.before,
		key,
		directory.Roles{Person: s.ref(releaser).Person, From: l.hour(2), Roles: directory.Drafter},
		directory.Suspend{Of: person(s.ref(releaser).Person), At: l.hour(2), Why: "lost his key"},
		directory.Restore{Of: person(s.ref(releaser).Person)},
		directory.Suspend{Of: person(s.ref(both).Person), At: l.hour(2), Why: "taken"},
		directory.Revoke{Key: s.ref(both), Size: 3, Root: [32]byte{1}},
		directory.Revoke{Key: s.ref(both)},
		directory.Holder{Office: office("MINISTRY"), Person: s.ref(releaser).Person, Deputies: []uint32{s.ref(second).Person}},
		directory.End{Of: directory.Subject{Office: office("MINISTRY")}, At: l.hour(2), Why: "closed"},
		doubtful,
		directory.Checked{Key: doubtful.Ref, How: "telephone", At: l.hour(2)},
		directory.Checked{Post: "BEIJING", How: "card and read back", At: l.hour(2)},
		l.issue(directory.Office{Address: office("CONSUL")}, 1, clerkA, clerkB),
	)
	_, later := london.letterKey(9, l.hour(3))
	return must(d.Enter(
		l.issue(directory.Person{Number: newcomer, Post: "MOSCOW", Roles: directory.Drafter}, 2, clerkA, clerkB),
		l.issue(l.key(newcomer), 3, clerkA, clerkB),
		l.issue(directory.Roles{Person: newcomer, From: l.hour(3), Roles: directory.Drafter | directory.Releaser}, 4, clerkA, clerkB),
		l.issue(directory.Holder{Office: office("CONSUL"), Person: newcomer}, 5, clerkA, clerkB),
		l.issue(directory.End{Of: person(s.ref(drafter).Person), At: l.hour(3), Why: "left"}, 6, clerkA, clerkB),
		l.issue(directory.Checked{Key: telegram.KeyRef{Person: newcomer, Key: 1}, How: "in person", At: l.hour(3)}, 0, dutyOfficer),
		l.issue(directory.Suspend{Of: directory.Subject{Post: "LONDON"}, At: l.hour(3), Why: "occupied"}, 0, dutyOfficer),
		later,
	))
}

// resigned alters the directory and has the root officers sign it, so that nothing but what it says can be wrong.
func (l *livedIn) resigned(said func() []directory.Statement) func(map[string]string) error {
	return func(f map[string]string) error {
		d, err := l.before.Append(said()...)
		if err == nil {
			f["directory.txt"] = string(world().sign(d).Marshal())
		}
		return err
	}
}

// tail alters the statements behind the signatures, each with its salt.
func tail(alter func(all []string) []string) func(map[string]string) error {
	return func(f map[string]string) error {
		at := strings.LastIndex(f["directory.txt"], "— root-")
		end := at + strings.Index(f["directory.txt"][at:], "\n\n") + 2
		all := strings.SplitAfter(f["directory.txt"][end:], "\n\n")
		f["directory.txt"] = f["directory.txt"][:end] + strings.Join(alter(all[:len(all)-1]), "")
		return nil
	}
}

// envelopes alters the sections.
func envelopes(alter func(all []string) []string) func(map[string]string) error {
	return func(f map[string]string) error {
		head, rest, _ := strings.Cut(f["letter.txt"], "envelope ")
		all := strings.Split(strings.TrimSuffix(rest, "\n"), "\nenvelope ")
		f["letter.txt"] = head
		for _, e := range alter(all) {
			f["letter.txt"] += "envelope " + e + "\n"
		}
		return nil
	}
}

// livedAlterations are of the telegram in several sections, and of the directory that was lived in.
func livedAlterations(l *livedIn) []alteration {
	ref := func(who int) telegram.KeyRef { return world().posts["MOSCOW"].ref(who) }
	said := func(ss ...func() directory.Statement) func(map[string]string) error {
		return l.resigned(func() (all []directory.Statement) {
			for _, s := range ss {
				all = append(all, s())
			}
			return all
		})
	}
	suspended := func(of directory.Subject) func(map[string]string) error {
		return said(func() directory.Statement { return directory.Suspend{Of: of, At: l.hour(2), Why: "why"} })
	}
	in := func(i int, old, new string) func(map[string]string) error {
		return tail(func(all []string) []string { all[i] = strings.Replace(all[i], old, new, 1); return all })
	}
	return []alteration{
		{"a section is missing", envelopes(func(all []string) []string { return all[1:] }), "of its 3 sections 2 are here"},
		{"a section stands there twice", envelopes(func(all []string) []string { return append(all, all[0]) }), "a section is given twice"},
		{"a section of another telegram is in the place of one", envelopes(func(all []string) []string { return append(all[1:], l.stranger) }), "the sections do not belong together"},
		{"a section besides all of them", envelopes(func(all []string) []string { return append(all, l.stranger) }), "the sections do not belong together"},
		{"a section's text", bit(25 + 1120 + 100), "not sealed to this key, or was altered"},
		{"a statement of the tail is left out", tail(func(all []string) []string { return all[1:] }), "is number 2"},
		{"two statements of the tail have changed places", tail(func(all []string) []string { all[3], all[4] = all[4], all[3]; return all }), "is number 5"},
		{"a statement of the tail stands there twice", tail(func(all []string) []string { return append(all, all[6]) }), "stands there already"},
		{"a reason in the tail", in(4, "why left", "why lost"), "the Ed25519 signature does not hold"},
		{"an end in the tail, of another person", in(4, "end person 100", "end person 102"), "the Ed25519 signature does not hold"},
		{"an Ed25519 signature of who issued it", func(f map[string]string) error { return line("directory.txt", "issued 152/1 ed25519", 0)(f) }, "the Ed25519 signature does not hold"},
		{"an ML-DSA-44 signature of who issued it", func(f map[string]string) error { return line("directory.txt", "issued 152/1 ml-dsa-44", 0)(f) }, "the ML-DSA-44 signature does not hold"},
		{"the tail's number of a statement", in(0, "by MOSCOW 2", "by MOSCOW 3"), "is number 2"},
		{"the tail's statement without one of its issuers", tail(func(all []string) []string {
			head, _, _ := strings.Cut(all[0], "issued 151/1")
			all[0] = head + "\n"
			return all
		}), "two administrators of MOSCOW issue it together"},
		{"a restoration in the tail", tail(func(all []string) []string {
			salt, _, _ := strings.Cut(all[0], "\n")
			return append(all, salt+"\nrestore post LONDON\n\n")
		}), "needs the root officers' signatures"},
		{"a letter key of the tail", tail(func(all []string) []string {
			all[7] = strings.Replace(all[7], "id 0300", "id 0301", 1)
			return all
		}), "the Ed25519 signature does not hold"},
		{"the tail's first statement stands under the checkpoint", func(f map[string]string) error {
			var first string
			if err := tail(func(all []string) []string { first = all[0]; return all[1:] })(f); err != nil {
				return err
			}
			return replace("directory.txt", "\n\nchancery/directory/", "\n\n"+first+"chancery/directory/")(f)
		}, "of another list"},
		{"a suspension under the checkpoint is left out", func(f map[string]string) error {
			blocks := strings.SplitAfter(f["directory.txt"], "\n\n")
			for i, b := range blocks {
				if strings.Contains(b, "\nsuspend person 103\n") {
					blocks[i] = ""
				}
			}
			f["directory.txt"] = strings.Join(blocks, "")
			return nil
		}, "of another list"},
		{"the receiver's entry", line("proof-in.txt", "extra ", 0), "the register's checkpoint does not have this entry"},
		{"the sender's proof in the place of the receiver's", func(f map[string]string) error { f["proof-in.txt"] = f["proof.txt"]; return nil }, "the proof is of another telegram"},
		// From here on the root officers have signed the directory rightly, and it says something else.
		{"the releaser had left", said(func() directory.Statement {
			return directory.End{Of: person(ref(releaser).Person), At: l.hour(-1), Why: "left"}
		}), "its releaser: person 101 was no more of MOSCOW"},
		{"the releaser was no releaser", said(func() directory.Statement {
			return directory.Roles{Person: ref(releaser).Person, From: l.hour(-1), Roles: directory.Drafter}
		}), "its releaser: person 101 had not the role releaser"},
		{"the drafter was no drafter", said(func() directory.Statement {
			return directory.Roles{Person: ref(drafter).Person, From: l.hour(-1), Roles: directory.Releaser}
		}), "its drafter: person 100 had not the role drafter"},
		{"the releaser's key had been replaced", said(func() directory.Statement { k, _ := renewed(l.hour(-1)); return k }), "its releaser: key 101/1 was replaced"},
		{"a later key of the releaser's, without continuity", said(func() directory.Statement {
			signer := seal.NewSigner()
			k := directory.Key{Ref: telegram.KeyRef{Person: ref(releaser).Person, Key: 2}, Key: public(signer)}
			k.Signature = vouch(signer, telegram.LabelKey, k.Body())
			return k
		}), "its releaser: key 101/1 was replaced"},
		{"the drafter is suspended", suspended(person(ref(drafter).Person)), "its drafter: person 100 is suspended"},
		{"the office is suspended", suspended(directory.Subject{Office: telegram.Address{Office: "MINISTRY", Post: "MOSCOW"}}), "or it is suspended"},
		{"the sending post is suspended", suspended(directory.Subject{Post: "MOSCOW"}), "the post MOSCOW is suspended"},
		{"the releaser's key is revoked", said(func() directory.Statement { return directory.Revoke{Key: ref(releaser)} }), "the key 101/1 is revoked"},
		{"the drafter's key is revoked, below another checkpoint than the proof's", said(func() directory.Statement {
			return directory.Revoke{Key: ref(drafter), Size: 1000, Root: [32]byte{1}}
		}), "the key 100/1 is revoked"},
		{"a key stands without the signature of the one before", said(func() directory.Statement {
			k, _ := renewed(l.hour(1))
			k.Continuity = k.Signature
			return k
		}), "the Ed25519 signature does not hold"},
	}
}

// TestStrangerLivedIn is TestStranger with a telegram in several sections, looked at when those who signed it have left.
func TestStrangerLivedIn(t *testing.T) {
	python := python(t)
	l := livedHandedOver(t)
	takes(t, python, l.files, "vectors-lived")
	refusesEach(t, python, l.files, livedAlterations(l))
	t.Run("a revocation below which it is proved to stand", func(t *testing.T) {
		_, signed, _ := strings.Cut(l.files["proof.txt"], "\n\n")
		text, _, _ := strings.Cut(signed, "\n\n")
		lines := strings.Split(text, "\n")
		var size int64
		fmt.Sscan(lines[1], &size)
		files := maps.Clone(l.files)
		revoked := directory.Revoke{Key: world().posts["MOSCOW"].ref(releaser), Size: size, Root: [32]byte(unbase64(t, lines[2]))}
		if err := l.resigned(func() []directory.Statement { return []directory.Statement{revoked} })(files); err != nil {
			t.Fatal(err)
		}
		takes(t, python, files, "")
	})
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
