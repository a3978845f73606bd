package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"github.com/spf13/cobra"
)

//go:embed demo.txt
var demoSheet []byte

//go:embed modern.txt
var modernSheet []byte

// modernHome is where the invented telegram of today is sent from.
const modernHome = "AGENCY"

// demoHome is where the built-in sheet was sent from: paper does not say it of its own post.
const demoHome = "MOSCOW"

func (a *app) demoCommand() *cobra.Command {
	var from, keep, home string
	var modern bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Carry a telegram from draft to filing between real posts on this machine",
		Long: `Makes a directory and the posts that a sheet names, each with its own folder, keys and encrypted database, runs each as a process
of its own, and carries the sheet's telegram from draft to fulfilment, and files it where the sheet says, with the same commands that people use. At the end the posts are stopped, and new
processes prove each register and show each telegram. Exit code 0 only if everything held.

Without --from it carries a built-in sheet: the numbers, places and names of one of December 1950, its text invented.`,
		Example: "  chancery demo\n  chancery demo --from sheet.txt --dir kept --json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("dir") {
				keep = a.dir
			}
			if modern && from != "" {
				return usage("--modern and --from are two telegrams: give one of them")
			}
			return a.demo(cmd.Context(), from, home, keep, modern)
		},
	}
	c.Flags().StringVar(&from, "from", "", "carry the telegram of this historical `sheet`")
	c.Flags().BoolVar(&modern, "modern", false, "carry an invented telegram of today: a relief agency to its mission")
	c.Flags().StringVar(&home, "home", "", "`name` of the sending post, when it is to be another than the sheet's originator")
	return c
}

// demoSection makes the built-in telegram travel in two sections, as that of 1950 did.
const demoSection = 1024

// demo is one run.
type demo struct {
	app       *app
	self      string // this program
	dir       string
	plan      *demoPlan
	hub       string // host:port
	serving   map[string]*server
	out       demoResult
	start     time.Time
	releasing time.Time // when the releaser was asked; the telegram itself says it to the second
}

// demoResult is what demo --json prints.
type demoResult struct {
	Stages    []demoStage           `json:"stages"`
	Telegram  archive.SheetTelegram `json:"telegram"`         // as the sending post has it
	Record    *archive.Record       `json:"record,omitempty"` // as the sending post has filed it, when the sheet says where
	Posts     []demoProof           `json:"posts"`
	WireBytes int64                 `json:"wire_bytes"`      // of all sealed sections, of the order and the reports, to all posts
	Paper     string                `json:"paper,omitempty"` // from received to dispatched, on the sheet
	Here      string                `json:"here,omitempty"`  // and here
	Verified  bool                  `json:"verified"`
}

type demoStage struct {
	Name    string    `json:"name"` // words of docs/terms.md
	At      time.Time `json:"at"`
	Elapsed int64     `json:"elapsed_ms"` // since the draft
	Post    string    `json:"post"`
	What    string    `json:"what"`
	Number  string    `json:"number,omitempty"`
	Bytes   int64     `json:"bytes,omitempty"`
}

// demoProof is what new processes said of a stopped post.
type demoProof struct {
	Post      string `json:"post"`
	Register  bool   `json:"register"` // register verify
	Entries   int64  `json:"entries"`
	Telegrams int    `json:"telegrams"` // shown
	Shown     bool   `json:"shown"`     // and every proof of each held
}

func (a *app) demo(ctx context.Context, from, home, keep string, modern bool) (err error) {
	plan, err := planDemo(from, home, modern)
	if err != nil {
		return err
	}
	d := &demo{app: a, plan: plan, serving: map[string]*server{}, start: time.Now()}
	if d.self, err = os.Executable(); err != nil {
		return err
	}
	if d.dir = keep; keep == "" {
		if d.dir, err = os.MkdirTemp("", "chancery-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(d.dir)
	} else if left, err := os.ReadDir(keep); err == nil && len(left) > 0 {
		return fmt.Errorf("%s is not empty: name a new folder with --dir", keep)
	} else if err := os.MkdirAll(keep, 0o700); err != nil {
		return err
	}
	defer func() { d.stopAll() }()
	for _, step := range []func(context.Context) error{d.makePosts, d.serveAll, d.send, d.follow, d.act, d.file, d.prove, d.record} {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			return fmt.Errorf("the demo stopped: %w%s", err, d.logs())
		}
	}
	return d.finish()
}

// run runs this program as somebody at a post would, with input, and gives what it printed.
func (d *demo) run(ctx context.Context, input string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, d.self, args...)
	cmd.Dir, cmd.Stdin = d.dir, strings.NewReader(input)
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("chancery %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, lastLine(errw.String()))
	}
	return out.Bytes(), nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// at runs it at a post and reads the JSON it printed.
func (d *demo) at(ctx context.Context, p *demoPost, input string, out any, args ...string) error {
	b, err := d.run(ctx, input, append(args, "--json", "--dir", p.folder, "--passphrase-file", p.secrets())...)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// stage prints a stage as it happens.
func (d *demo) stage(s demoStage) {
	s.At = s.At.UTC()
	if len(d.out.Stages) > 0 {
		s.Elapsed = s.At.Sub(d.out.Stages[0].At).Milliseconds()
	}
	d.out.Stages = append(d.out.Stages, s)
	if !d.app.json {
		fmt.Fprintf(d.app.out, "%-11s %-*s %s %+8.3f s  %s\n", s.Name, d.plan.width(), s.Post, s.At.Format("15:04:05.000"), float64(s.Elapsed)/1000, s.What)
	}
}

// patience is how long the demo waits for one thing.
const patience = 2 * time.Minute

// until waits for something to become so, as long as every post runs.
func (d *demo) until(ctx context.Context, what string, so func() (bool, error)) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		ok, err := so()
		if ok || err != nil {
			return err
		}
		for name, s := range d.serving {
			select {
			case err := <-s.done:
				s.done <- err
				return fmt.Errorf("%s: the post %s has ended: %w", what, name, err)
			default:
			}
		}
		select {
		case <-time.After(30 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("%s: not within %s", what, patience)
}

func (d *demo) send(ctx context.Context) error {
	home := d.plan.home()
	var handed handedOver
	if err := d.at(ctx, home, d.plan.form.String(), &handed, "draft", "-"); err != nil {
		return err
	}
	d.stage(demoStage{Name: "draft", At: time.Now(), Post: home.name, What: fmt.Sprintf("%d bytes of text, handed over by person %d", d.plan.textSize(), handed.Drafter.Person)})
	if c := d.plan.sheet.Telegram.Conveyed; c != nil {
		d.stage(demoStage{Name: "convey", At: time.Now(), Post: home.name, What: fmt.Sprintf("within it a message to %s, signed %s", c.To, c.Signature)})
	}
	var released releasedNow
	d.releasing = time.Now()
	if err := d.at(ctx, home, "", &released, "release", fmt.Sprint(handed.Draft), "--yes"); err != nil {
		return err
	}
	if released.Number == 0 {
		return fmt.Errorf("the telegram was released and has no number: %s %s", released.State, released.Held)
	}
	d.plan.number = released.Number
	return nil
}

// follow waits until every addressed post has signed for the telegram, and tells the stages by the records of both sides.
func (d *demo) follow(ctx context.Context) error {
	home := d.plan.home()
	var s post.Shown
	if err := d.until(ctx, "carrying the telegram", func() (bool, error) {
		s = post.Shown{}
		if err := d.at(ctx, home, "", &s, "show", "--out", fmt.Sprint(d.plan.number)); err != nil {
			return false, err
		}
		return !slices.ContainsFunc(s.Addressed, func(x post.Addressed) bool { return x.Receipted == nil }), nil
	}); err != nil {
		return err
	}
	var serials []string
	for _, x := range s.Addressed {
		serials = append(serials, fmt.Sprintf("%s %d", x.Post, x.Serial))
	}
	d.stage(demoStage{Name: "release", At: d.releasing, Post: home.name, What: fmt.Sprintf("by person %d: text, addressees, precedence and label, signed", s.Releaser.Person)})
	d.stage(demoStage{Name: "register", At: s.Addressed[0].Queued, Post: home.name, What: fmt.Sprintf("No. %d; serials %s", s.Number, strings.Join(serials, ", ")), Number: fmt.Sprint(s.Number)})
	for _, x := range s.Addressed {
		d.stage(demoStage{Name: "encipher", At: *x.Enciphered, Post: home.name, What: fmt.Sprintf("for %s: special No. %s", x.Post, commas(x.Specials)), Number: commas(x.Specials), Bytes: x.Bytes})
		d.stage(demoStage{Name: "dispatch", At: *x.Dispatched, Post: home.name, What: fmt.Sprintf("to %s: %d sections, %d bytes on the wire", x.Post, len(x.Specials), x.Bytes), Bytes: x.Bytes})
	}
	d.compareWithPaper(&s)
	for _, x := range s.Addressed {
		if err := d.arrived(ctx, d.plan.post(x.Post), x.Serial); err != nil {
			return err
		}
		d.stage(demoStage{Name: "receipt", At: *x.Receipted, Post: home.name, What: fmt.Sprintf("signed by %s, %s after it was queued", x.Post, x.Receipted.Sub(x.Queued).Round(time.Millisecond))})
	}
	if len(s.Telegram.Copies) > 0 {
		return d.distribute(ctx, home, &s)
	}
	return nil
}

func commas[T any](xs []T) string {
	var s []string
	for _, x := range xs {
		s = append(s, fmt.Sprint(x))
	}
	return strings.Join(s, ",")
}

// compareWithPaper sets the time from received to dispatched beside that of the sheet.
func (d *demo) compareWithPaper(s *post.Shown) {
	const form = "2006-01-02T15:04"
	received, err := time.Parse(form, d.plan.sheet.Telegram.Received)
	dispatched, err2 := time.Parse(form, d.plan.sheet.Telegram.Dispatched)
	if err != nil || err2 != nil {
		return
	}
	x := s.Addressed[0]
	for _, y := range s.Addressed {
		if y.Post == s.Telegram.To[0].Place {
			x = y
		}
	}
	paper, here := dispatched.Sub(received), x.Dispatched.Sub(x.Queued)
	d.out.Paper, d.out.Here = paper.String(), here.Round(time.Millisecond).String()
	if !d.app.json {
		fmt.Fprintf(d.app.out, "            from received to dispatched the cipher room of the sheet took %d minutes; this took %s\n", int(paper.Minutes()), d.out.Here)
	}
}

func (d *demo) arrived(ctx context.Context, p *demoPost, serial uint32) error {
	var in inbox
	if err := d.until(ctx, "receiving", func() (bool, error) {
		if err := d.at(ctx, p, "", &in, "inbox"); err != nil {
			return false, err
		}
		for _, t := range in.Telegrams {
			if t.Serial == serial && t.From.Post == d.plan.home().name {
				p.incoming = t.Number
			}
		}
		return p.incoming != 0, nil
	}); err != nil {
		return err
	}
	var s post.Shown
	if err := d.at(ctx, p, "", &s, "show", "--in", fmt.Sprint(p.incoming)); err != nil {
		return err
	}
	d.stage(demoStage{Name: "receive", At: s.Arrived.First, Post: p.name, What: fmt.Sprintf("serial %d, special No. %s, %d bytes", serial, commas(s.Arrived.Specials), s.Arrived.Bytes), Bytes: s.Arrived.Bytes})
	d.stage(demoStage{Name: "decipher", At: s.Arrived.Deciphered, Post: p.name, What: fmt.Sprintf("incoming No. %d; two people's signatures, numbers and directory hold", p.incoming), Number: fmt.Sprint(p.incoming)})
	return nil
}

// act has every action addressee acknowledge, and fulfil where the sheet asks for it.
func (d *demo) act(ctx context.Context) error {
	for _, p := range d.plan.posts[1:] {
		if !p.action {
			continue
		}
		if err := d.reply(ctx, p, desk.Acknowledgement, "acknowledge", "--text", "Received and deciphered. We will do it."); err != nil {
			return err
		}
		if d.plan.sheet.Telegram.ReportFulfilment {
			if err := d.reply(ctx, p, desk.Fulfilment, "fulfil", "--text", "Done today. It was read out and left in writing; he thanked us and will answer tomorrow."); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *demo) reply(ctx context.Context, p *demoPost, what desk.Act, command string, words ...string) error {
	var handed handedOver
	if err := d.at(ctx, p, "", &handed, append([]string{command, fmt.Sprint(p.incoming)}, words...)...); err != nil {
		return err
	}
	var released releasedNow
	if err := d.at(ctx, p, "", &released, "release", fmt.Sprint(handed.Draft), "--yes"); err != nil {
		return err
	}
	p.sent = append(p.sent, released.Number)
	home := d.plan.home()
	var done *time.Time
	if err := d.until(ctx, command, func() (bool, error) {
		var s post.Shown
		if err := d.at(ctx, home, "", &s, "show", "--out", fmt.Sprint(d.plan.number)); err != nil {
			return false, err
		}
		for _, x := range s.Duties {
			if x.Post == p.name && x.Act == what {
				done = x.Done
			}
		}
		return done != nil, nil
	}); err != nil {
		return err
	}
	var order, report post.Shown
	if err := d.until(ctx, "the receipt of the report", func() (bool, error) {
		report = post.Shown{}
		err := d.at(ctx, p, "", &report, "show", "--out", fmt.Sprint(released.Number))
		return err == nil && report.Addressed[0].Receipted != nil, err
	}); err != nil {
		return err
	}
	if err := d.at(ctx, p, "", &order, "show", "--in", fmt.Sprint(p.incoming)); err != nil {
		return err
	}
	if !slices.ContainsFunc(order.Duties, func(x post.Duty) bool { return x.Act == what && x.Done != nil }) {
		return fmt.Errorf("%s does not have the order as done itself", p.name)
	}
	name, words2 := "acknowledge", "will do it"
	if what == desk.Fulfilment {
		name, words2 = "fulfil", "it is done: the order is closed on both sides"
	}
	x := report.Addressed[0]
	d.stage(demoStage{Name: name, At: *done, Post: p.name, What: fmt.Sprintf("No. %d, serial %d, cites %s %s: %s", report.Number, x.Serial, home.name, order.Telegram.Serial, words2), Number: fmt.Sprint(report.Number), Bytes: x.Bytes})
	return nil
}

// prove asks new processes about each stopped post: is its register whole, and does every proof of every telegram hold.
func (d *demo) prove(ctx context.Context) error {
	d.stopAll()
	d.out.Verified = true
	for i, p := range d.plan.posts {
		proof := demoProof{Post: p.name, Shown: true}
		var r struct {
			Verified bool  `json:"verified"`
			Entries  int64 `json:"entries"`
		}
		err := d.at(ctx, p, "", &r, "register", "verify")
		proof.Register, proof.Entries = err == nil && r.Verified, r.Entries
		show := func(way string, n uint32) error {
			var s post.Shown
			err := d.at(ctx, p, "", &s, "show", way, fmt.Sprint(n))
			proof.Telegrams++
			proof.Shown = proof.Shown && err == nil && s.Verified
			for _, x := range s.Addressed {
				d.out.WireBytes += x.Bytes
			}
			p.shown = append(p.shown, s)
			return err
		}
		if i == 0 {
			err = errors.Join(err, show("--out", d.plan.number))
			d.out.Telegram = p.shown[0].Telegram
		} else {
			err = errors.Join(err, show("--in", p.incoming))
		}
		for _, n := range p.sent {
			err = errors.Join(err, show("--out", n))
		}
		d.out.Posts = append(d.out.Posts, proof)
		d.out.Verified = d.out.Verified && proof.Register && proof.Shown
		if err != nil {
			return fmt.Errorf("proving %s: %w", p.name, err)
		}
		d.stage(demoStage{Name: "prove", At: time.Now(), Post: p.name, What: fmt.Sprintf("a new process: register of %d entries whole, %d telegrams with every proof", proof.Entries, proof.Telegrams)})
	}
	return nil
}

func (d *demo) finish() error {
	if d.app.json {
		if err := d.app.say(d.out, ""); err != nil {
			return err
		}
	} else {
		w := d.app.out
		fmt.Fprintf(w, "\n%d bytes of sealed sections went over the wire; all of it took %s.\n", d.out.WireBytes, time.Since(d.start).Round(100*time.Millisecond))
		for _, p := range d.plan.posts {
			if p == d.plan.home() || p.action {
				side := "the receiver's sheet"
				if p == d.plan.home() {
					side = "the sender's sheet"
				}
				fmt.Fprintf(w, "\n──── %s, %s ────\n\n", p.name, side)
				io.WriteString(w, p.shown[0].Sheet)
			}
		}
		d.printRecord(w)
		if d.app.dir != "." {
			fmt.Fprintf(w, "\nThe folders are kept in %s.\nNext: look at one:  cd %s && chancery show %d --dir %s --passphrase-file %s\n", d.dir, d.dir, d.plan.number, d.plan.home().folder, d.plan.home().secrets())
		}
	}
	if !d.out.Verified {
		return coded{errors.New("a proof does not hold: see above"), exitUnproved}
	}
	return nil
}
