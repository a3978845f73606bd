package post

// The life of a telegram on its way in, in order:
//
//	1 an envelope arrives, as often as it may;
//	2 it is deciphered: only the sending post could have sealed it, and to this post;
//	3 its section is kept, until all of the telegram are here;
//	4 the telegram is checked: who drafted, who released, what was signed, which numbers it took;
//	5 it takes this post's incoming number, is entered in the log, filed and laid on the desk;
//	6 a signed receipt goes back.
//
// 3 to 5 commit together. The receipt needs no record of its own: if it is lost the sender carries the telegram again, the repeat is
// recognised, and it is answered with its receipt again. Nothing that fails a check causes anything to be sent.
//
// This file is longer than 500 lines, so that the way in can be read whole.

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// arrived is one envelope on its way in.
type arrived struct {
	envelope  telegram.Envelope
	came      time.Time
	from      string
	section   telegram.Section
	whole     *whole // the telegram, when the section is all of it
	receipt   *telegram.Receipt
	news      *telegram.News
	witness   *witnessed
	last      *telegram.LastNumber
	repeat    *telegram.Repeat
	ask       *telegram.Ask
	answer    answerTo // to the witness
	late      *telegram.Late
	key       *telegram.GivenKey
	seen      *telegram.Seen
	given     string      // a one-time key opened it, which was given to this post
	at        int64       // seconds: the time that its sender has signed, of a service message
	frame     bool        // it came in a frame
	opens     *seal.Chain // the chain that it opens
	unknown   bool        // what would open it is not here, or not any more
	digest    [32]byte
	signed    []byte      // the service message, as it was signed
	proof     *seal.Proof // of a letter, that its sender said this
	later     bool        // the section could not be kept now, and comes again
	directory int64       // statements of the directory its sender has
	err       error       // why it is refused
}

// whole is a telegram of which all sections are here.
type whole struct {
	telegram.Registered
	draftRoot, root telegram.Root
	entry           [32]byte // hash of the sender's register entry
	raw             []byte
	err             error // why it is refused
}

// receiptTo is what is to be answered to one post.
type receiptTo map[string][]telegram.ReceiptItem

// take takes envelopes from a carrier. nil means that each is durable here, or refused for good.
func (p *Post) take(ctx context.Context, carrier circuit.Carrier, at telegram.Precedence, es []telegram.Envelope) error {
	es, err := p.takeParts(ctx, at, es) // of attachments: see parts.go
	if err != nil || len(es) == 0 {
		return err
	}
	v, err := p.current()
	if err != nil {
		return err
	}
	came := p.config.Now()
	in := make([]arrived, len(es))
	parallel(len(es), func(i int) { in[i] = p.decipher(v, at, es[i], came) })
	p.openSecond(v, in)
	now := p.config.Now()
	var answer receiptTo
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		answer = receiptTo{}
		return p.judging(tx, v, func(b *register.Book) error {
			for i := range in {
				if err := p.takeOne(tx, b, v, &in[i], answer, now); err != nil {
					return err
				}
			}
			return errors.Join(heardFrom(tx, in, now), p.noteSeen(tx, in, answer, now))
		})
	})
	if errors.Is(err, errDirectory) {
		p.refresh(ctx)
	}
	if err != nil {
		p.config.Log.Error("what arrived could not be kept; it will be offered again", "envelopes", len(es), "reason", err)
		return err
	}
	p.spend(in, now)
	for i := range in {
		if in[i].err == nil {
			p.alive(in[i].from)
			p.traffic.add(in[i].from, 0, int64(in[i].envelope.Size()))
			p.heardOf.Store(in[i].from, in[i].directory)
		}
	}
	opened := map[string]bool{}
	for i := range in {
		if in[i].err == nil && in[i].opens != nil {
			opened[in[i].from] = true
		}
	}
	if len(opened) > 0 {
		// Its sender goes on in frames once it has the receipt, so the chain is on disk before that.
		if err := p.keys.Burnable.Save(); err != nil {
			p.config.Log.Error("a chain could not be kept; the telegrams that opened it will come again", "reason", err)
			return nil
		}
	}
	for from := range opened {
		p.giveKey(ctx, v, carrier, from, now)
	}
	p.receipt(ctx, v, carrier, at, answer, opened, now)
	for i := range in {
		if a := &in[i]; !a.answer.empty() {
			if err := p.sendWitness(ctx, v, carrier, a.from, &a.answer, true); err != nil && ctx.Err() == nil {
				p.config.Log.Warn("a witness could not be answered; it will be when it speaks again", "post", a.from, "reason", err)
			}
		}
	}
	for i := range in {
		if in[i].err == nil && in[i].news != nil {
			if err := p.hear(ctx, carrier, in[i].from, in[i].news); err != nil {
				return err
			}
		}
	}
	return nil
}

// heardFrom notes from whom something genuine came, once for each.
func heardFrom(tx *store.Tx, in []arrived, now time.Time) error {
	told := map[string]bool{}
	for i := range in {
		if in[i].err == nil && !told[in[i].from] {
			told[in[i].from] = true
			if _, err := tx.Exec("update peer set heard = $1 where post = $2", now.UnixMilli(), in[i].from); err != nil {
				return err
			}
		}
	}
	return nil
}

// decipher is step 2. It touches no database.
func (p *Post) decipher(v *view, at telegram.Precedence, e telegram.Envelope, came time.Time) (a arrived) {
	a.envelope, a.came = e, came
	if e.Precedence != at {
		a.err = errors.New("the carrier's precedence is not the envelope's: it was graded again on its way")
		return a
	}
	if e.To != v.self.Route {
		a.err = errors.New("it is for another post")
		return a
	}
	a.digest = digestOf(&e)
	var payload []byte
	if e.Type == telegram.Frame {
		payload = p.openFrame(v, &a)
	} else {
		payload = p.openLetter(v, &a)
	}
	p.readPayload(v, &a, payload)
	return a
}

// readPayload reads what an envelope says, once it is known who sealed it.
func (p *Post) readPayload(v *view, a *arrived, payload []byte) {
	if a.err != nil {
		return
	}
	if telegram.IsService(payload) {
		a.err = p.openService(v, payload, a)
		return
	}
	parse := telegram.ParseSection
	if a.frame {
		parse = telegram.ParseFrameSection
	}
	if a.section, a.err = parse(payload); a.err == nil && a.section.N == 1 {
		a.whole = p.check(v, a.from, a.section.Serial, a.envelope.Precedence, slices.Clone(a.section.Piece))
	}
}

// openLetter opens a letter, and says which chain it opens.
func (p *Post) openLetter(v *view, a *arrived) (payload []byte) {
	key, given := p.keyFor(a.envelope.KeyID)
	if key == nil {
		a.err, a.unknown = fmt.Errorf("it is sealed to letter key %x, which this post does not hold", a.envelope.KeyID), true
		return nil
	}
	l, err := seal.Open(&a.envelope, key, p.config.Name, v.identity)
	if err != nil {
		a.err = errors.New(seal.Reason(err))
		return nil
	}
	if given != "" && given != l.From {
		a.err = fmt.Errorf("%s sealed it to a key that was given to another post", l.From)
		return nil
	}
	a.from, a.given = l.From, given
	if a.err = errors.Join(v.suspended(l.From), v.agrees(l)); a.err != nil {
		return nil
	}
	a.directory, a.proof = int64(l.DirectorySize), &l.Proof
	payload, opens := telegram.CutOpensChain(l.Payload)
	if opens && p.keys.Burnable != nil {
		a.opens = l.Chain()
	}
	return payload
}

func (p *Post) letterKey(id [4]byte) *seal.LetterKey {
	for _, k := range p.keys.Letters {
		if k.ID == id {
			return k.Key
		}
	}
	return nil
}

// agrees says whether the directory that the sender judged by is an older or newer version of ours. A newer one cannot be judged until we have it.
func (v *view) agrees(l *seal.Letter) error {
	if l.DirectorySize == 0 || l.DirectorySize > uint64(v.dir.Size()) {
		return nil
	}
	root, err := v.dir.RootAt(int64(l.DirectorySize))
	if err != nil || root != l.DirectoryRoot {
		return fmt.Errorf("%s goes by another directory than this post: one of the two was forked", l.From)
	}
	return nil
}

// openService reads a statement from machine to machine: a receipt, news of the directory, or of registers.
func (p *Post) openService(v *view, payload []byte, a *arrived) error {
	if len(payload) > 1 && payload[1] == telegram.ServiceLate {
		var err error
		a.late, err = p.readLate(payload[2:], a.from)
		return err
	}
	s, err := telegram.ParseService(payload)
	if err != nil {
		return err
	}
	a.signed = payload
	switch s.Kind {
	case telegram.ServiceReceipt:
		if a.receipt, err = p.openReceipt(v, a.from, &s); err == nil {
			a.at = a.receipt.At
		}
	case telegram.ServiceNews:
		if a.news, err = p.readNews(v, a.from, &s); err == nil {
			a.at = a.news.At
		}
	case telegram.ServiceWitness:
		if a.witness, err = p.openWitness(v, a.from, &s); err == nil {
			a.at = a.witness.At
		}
	case telegram.ServiceSeen:
		a.signed = payload
		a.seen, err = p.readSeen(v, a.from, &s)
	case telegram.ServiceKey:
		if a.key, err = p.readKey(v, a.from, &s); err == nil {
			a.at = a.key.At
		}
	case telegram.ServiceLastNumber:
		if a.last, err = p.openLastNumber(v, a.from, &s); err == nil {
			a.at = a.last.At / 1000
		}
	case telegram.ServiceRepeat:
		if a.repeat, err = p.openRepeat(v, a.from, &s); err == nil {
			a.at = a.repeat.At / 1000
		}
	case telegram.ServiceAsk:
		if a.ask, err = p.openAsk(v, a.from, &s); err == nil {
			a.at = a.ask.At
		}
	default:
		err = fmt.Errorf("a service message of unknown kind %d", s.Kind)
	}
	return err
}

func (p *Post) openReceipt(v *view, from string, s *telegram.Service) (*telegram.Receipt, error) {
	r, err := signedBy(v, from, s, telegram.LabelReceipt, "the receipt's signature", telegram.ParseReceipt)
	if err != nil {
		return nil, err
	}
	if r.To != from || r.From != p.config.Name {
		return nil, errors.New("the receipt is between other posts")
	}
	return r, nil
}

// check is step 4: everything that can be judged of a telegram by itself and by the directory. What depends on what was
// received before, takeWhole judges.
func (p *Post) check(v *view, from string, serial uint32, at telegram.Precedence, raw []byte) *whole {
	w := &whole{raw: raw}
	r, err := telegram.ParseEither(raw)
	if err != nil {
		w.err = err
		return w
	}
	w.Registered = *r
	w.draftRoot, w.root = r.Telegram.Roots()
	w.entry = receiptEntry(r, w.root)
	w.err = p.judge(v, w, from, serial, at)
	return w
}

func (p *Post) judge(v *view, w *whole, from string, serial uint32, at telegram.Precedence) error {
	t := w.Telegram
	if err := v.checkReceived(&w.Registered, w.draftRoot, w.root); err != nil {
		return err
	}
	if t.From.Post != from {
		return errors.New("it was released at another post than sent it")
	}
	if err := v.mayRelease(t, from); err != nil {
		return err
	}
	if !v.dir.Knows(t.From) {
		return fmt.Errorf("it comes from an office %s that the directory does not have, or that is suspended", t.From)
	}
	mine, addressed := t.PrecedenceFor(p.config.Name)
	if !addressed {
		return errors.New("this post is not addressed")
	}
	if w.Numbers.SerialFor(p.config.Name) != serial {
		return errors.New("it came under another serial than it took")
	}
	if at != mine {
		return errors.New("it came at another precedence than was released")
	}
	return v.checkPassedOn(t)
}

// receiptEntry is the hash that a receipt for a telegram names: of the sender's entry, or what stands for it while not all signatures are here.
func receiptEntry(r *telegram.Registered, root telegram.Root) [32]byte {
	if r.ReleasePQ == nil {
		return telegram.EntryHash(r.BriefOutEntry(root, &r.Numbers))
	}
	return telegram.EntryHash(r.OutEntry(root, &r.Numbers))
}

// checkRelease says whether both people signed.
func (v *view) checkRelease(t *telegram.Telegram, s *telegram.Signatures, draftRoot, root telegram.Root) error {
	drafter, releaser, err := v.signers(t)
	if err != nil {
		return err
	}
	return seal.CheckRelease(draftRoot, root, s, drafter, releaser)
}

// checkReceived is the same for a telegram that came from another post: by Ed25519 alone where it came in the brief form, and the releaser's
// ML-DSA-44 signature is still to follow.
func (v *view) checkReceived(r *telegram.Registered, draftRoot, root telegram.Root) error {
	if r.ReleasePQ != nil {
		return v.checkRelease(r.Telegram, &r.Signatures, draftRoot, root)
	}
	drafter, releaser, err := v.signers(r.Telegram)
	if err != nil {
		return err
	}
	return seal.CheckBrief(draftRoot, root, &r.Signatures, drafter, releaser)
}

// signers are the keys of a telegram's drafter and releaser.
func (v *view) signers(t *telegram.Telegram) (drafter, releaser *seal.Verifier, err error) {
	if drafter, err = v.person(t.Drafter); err != nil {
		return nil, nil, fmt.Errorf("its drafter: %w", err)
	}
	if releaser, err = v.person(t.Releaser); err != nil {
		return nil, nil, fmt.Errorf("its releaser: %w", err)
	}
	return drafter, releaser, nil
}

// takeOne is steps 3 to 6 for one envelope, inside the transaction. What is refused is logged, or an alarm, and is no error.
func (p *Post) takeOne(tx *store.Tx, b *register.Book, v *view, a *arrived, answer receiptTo, now time.Time) error {
	if a.unknown {
		if known, err := p.takeAgain(tx, a, answer); known || err != nil {
			return err
		}
	}
	if a.err != nil && a.from == "" { // anybody may have sent it
		p.config.Log.Warn("an envelope was refused", "reason", a.err)
		return nil
	}
	if a.err != nil {
		return p.alarm(tx, a.from, fmt.Sprintf("a letter was refused: %v", a.err))
	}
	err := p.takeSpent(tx, a, now)
	if err == nil {
		err = p.heard(tx, a)
	}
	if err != nil {
		return err
	}
	if a.at > 0 {
		// To the hour is enough: by it keys are burnt after weeks.
		if _, err := tx.Exec("update peer set signed = $1 where post = $2 and signed < $3", a.at, a.from, a.at-3600); err != nil {
			return err
		}
	}
	if a.news != nil {
		return nil
	}
	if a.late != nil {
		return p.takeLate(tx, v, a, answer, now)
	}
	if a.key != nil {
		return p.takeKey(tx, a.key)
	}
	if a.seen != nil {
		return p.takeSeen(tx, a.from, a.seen, a.signed)
	}
	if a.witness != nil {
		a.answer, err = p.takeWitness(tx, a.witness, v, now)
		return err
	}
	if a.last != nil {
		return p.takeLastNumber(tx, a, now)
	}
	if a.repeat != nil {
		return p.takeRequest(tx, b, a.repeat, a.signed, now)
	}
	if a.ask != nil {
		return p.takeAsk(tx, a.ask, now)
	}
	if a.receipt != nil {
		return p.takeReceipt(tx, b, a.from, a.receipt, a.signed, now)
	}
	before, err := archive.BySerial(tx, a.from, a.section.Serial)
	if err == nil {
		return p.takeRepeat(tx, a, before, answer)
	}
	if !errors.Is(err, archive.ErrNone) {
		return err
	}
	if a.whole != nil {
		return p.takeWhole(tx, b, a, a.whole, arrival{specials: []uint32{a.section.Special}, first: a.came, last: a.came, bytes: int64(a.envelope.Size())}, answer, now)
	}
	return p.takePiece(tx, b, v, a, answer, now)
}

// takePiece keeps a section until all of its telegram are here.
func (p *Post) takePiece(tx *store.Tx, b *register.Book, v *view, a *arrived, answer receiptTo, now time.Time) error {
	s := &a.section
	err := circuit.Keep(tx, &circuit.Piece{Post: a.from, Serial: s.Serial, I: s.I, N: s.N, Special: s.Special, Precedence: a.envelope.Precedence,
		Size: int64(a.envelope.Size()), Body: p.keys.Rest.Seal(piecePlace(a.from, s.Serial, s.I), s.Piece), At: a.came})
	if errors.Is(err, circuit.ErrUnfinished) { // it comes again when some of them are whole
		a.later = true
		p.config.Log.Warn("a section was not kept", "from", a.from, "reason", err)
		return nil
	}
	if errors.Is(err, circuit.ErrPieces) {
		return p.refuseWhole(tx, a.from, s.Serial, err)
	}
	if err != nil {
		return err
	}
	pieces, err := circuit.Pieces(tx, a.from, s.Serial)
	if err != nil || len(pieces) < int(s.N) {
		return err
	}
	var raw []byte
	in := arrival{first: a.came, last: a.came}
	for _, x := range pieces {
		piece, err := p.keys.Rest.Open(piecePlace(a.from, s.Serial, x.I), x.Body)
		if err != nil {
			return err
		}
		if x.Precedence != a.envelope.Precedence {
			return p.refuseWhole(tx, a.from, s.Serial, errors.New("its sections came at different precedences"))
		}
		raw = append(raw, piece...)
		in.specials, in.bytes = append(in.specials, x.Special), in.bytes+x.Size
		if x.At.Before(in.first) {
			in.first = x.At
		}
	}
	return p.takeWhole(tx, b, a, p.check(v, a.from, s.Serial, a.envelope.Precedence, raw), in, answer, now)
}

func piecePlace(post string, serial, i uint32) string {
	return fmt.Sprintf("piece %d of serial %d from %s", i, serial, post)
}

// takeRepeat answers what is here already with its receipt again; something else under the same serial, be it only in its numbers, is an
// alarm. How the sender cut it the second time is not known, so a section need only be somewhere in what is here.
func (p *Post) takeRepeat(tx *store.Tx, a *arrived, before *archive.Filed, answer receiptTo) error {
	raw, err := p.keys.Rest.Open(archive.Place(before.ID), before.Body)
	if err != nil { // no reason to be deaf to what else came
		return p.alarm(tx, a.from, fmt.Sprintf("serial %s came again, and what is filed of it is damaged (run chancery register verify): %v", telegram.NumberText(before.Serial), err))
	}
	r, err := telegram.ParseEither(raw)
	if err != nil {
		return err
	}
	if a.section.Brief && r.ReleasePQ != nil { // the signature came since
		raw = r.Brief()
	}
	if a.section.N == 1 && !bytes.Equal(raw, a.section.Piece) || !bytes.Contains(raw, a.section.Piece) {
		if err := p.keepEvidence(tx, a, before.ID, p.config.Now()); err != nil {
			return err
		}
		return p.refuseWhole(tx, a.from, a.section.Serial, fmt.Errorf("the sender gave this serial to another telegram before, which is here as number %s: one of the two is false. The proof is kept: chancery alarms evidence", telegram.NumberText(before.Number)))
	}
	answer.add(a.from, telegram.ReceiptItem{Serial: before.Serial, Root: before.Root, Entry: receiptEntry(r, before.Root)})
	return nil
}

// receiptOf is what a receipt says of a telegram that is here.
func (p *Post) receiptOf(tx *store.Tx, from string, serial uint32) (i telegram.ReceiptItem, here bool, err error) {
	f, err := archive.BySerial(tx, from, serial)
	if errors.Is(err, archive.ErrNone) {
		return i, false, nil
	}
	if err != nil {
		return i, false, err
	}
	r, err := p.openFiled(f)
	if err != nil {
		return i, false, p.alarm(tx, from, fmt.Sprintf("serial %s came again, and what is filed of it is damaged (run chancery register verify): %v", telegram.NumberText(serial), err))
	}
	return telegram.ReceiptItem{Serial: serial, Root: f.Root, Entry: receiptEntry(r, f.Root)}, true, nil
}

// add adds a telegram to the receipt of a post, once.
func (r receiptTo) add(post string, i telegram.ReceiptItem) {
	if !slices.Contains(r[post], i) {
		r[post] = append(r[post], i)
	}
}

// arrival is how a telegram came.
type arrival struct {
	specials    []uint32
	first, last time.Time
	bytes       int64
}

// takeWhole is steps 4 to 6: the last checks, and the telegram is this post's.
func (p *Post) takeWhole(tx *store.Tx, b *register.Book, a *arrived, w *whole, in arrival, answer receiptTo, now time.Time) error {
	serial := a.section.Serial
	if w.err != nil {
		return p.refuseWhole(tx, a.from, serial, w.err)
	}
	for _, x := range []telegram.Root{w.root, w.draftRoot} {
		if of, known, err := register.Known(tx, x); err != nil {
			return err
		} else if known {
			if err := p.keepEvidence(tx, a, of, now); err != nil {
				return err
			}
			return p.refuseWhole(tx, a.from, serial, fmt.Errorf("the same telegram is here already under another number (row %d of the archive). The proof is kept: chancery alarms evidence", of))
		}
	}
	if err := circuit.Drop(tx, a.from, serial); err != nil { // sections of another cut, when this one is whole by itself
		return err
	}
	number, err := takeNumber(b, w.Telegram.Type, seriesIncoming(now))
	if err != nil {
		return err
	}
	id, err := archive.NextID(tx)
	if err != nil {
		return err
	}
	n := incomingNumbers(now, number, a.from, serial)
	var own incomingLocal
	rand.Read(own.Seed[:])
	kind, entry := telegram.EntryIn, w.InEntry
	if w.ReleasePQ == nil {
		kind, entry = telegram.EntryBriefIn, w.BriefInEntry
	}
	if _, err := b.Enter(kind, entry(w.root, &n, own.Seed), id, now.Unix()); err != nil {
		return err
	}
	if err := register.Remember(tx, id, w.draftRoot, w.root); err != nil {
		return err
	}
	if err := archive.File(tx, &archive.Filed{ID: id, Way: archive.In, Year: int(n.Year), Number: number, Post: a.from, Serial: serial,
		Precedence: a.envelope.Precedence, Root: w.root, Body: p.keys.Rest.Seal(archive.Place(id), w.raw), Local: p.sealJSON(archive.LocalPlace(id), own), At: now.Unix()}); err != nil {
		return err
	}
	if err := in.keep(tx, id, now); err != nil {
		return err
	}
	if err := p.expect(tx, id, a.from, a.envelope.Precedence, w.Telegram, now); err != nil {
		return err
	}
	if w.ReleasePQ == nil {
		err = p.awaitLate(tx, id, a.from, serial, now)
	} else {
		err = p.awaitProof(tx, id, a.from, w.entry, w.Numbers.Registered, now)
	}
	if err != nil {
		return err
	}
	if err := desk.Ask(tx, duties(id, w.Telegram, p.config.Name)); err != nil {
		return err
	}
	if err := desk.Did(tx, id, p.config.Name, desk.Receipt, 0, now); err != nil {
		return err
	}
	if err := p.waited(tx, id, a.from, serial, now); err != nil {
		return err
	}
	if err := p.closeOthersDuties(tx, id, a.from, w, now); err != nil {
		return err
	}
	answer.add(a.from, telegram.ReceiptItem{Serial: serial, Root: w.root, Entry: w.entry})
	return nil
}

// incomingLocal is what this post keeps beside a telegram it received.
type incomingLocal struct {
	Seed [32]byte `json:"seed"` // of its own numbers in the register
}

// incomingNumbers are what the receiver enters: its own incoming number, and beside it the sender's serial.
func incomingNumbers(at time.Time, number uint32, from string, serial uint32) telegram.Numbers {
	return telegram.Numbers{Year: uint16(at.UTC().Year()), Register: number, Serials: []telegram.Serial{{Post: from, Number: serial}}, Registered: at.Unix()}
}

// refuseWhole drops a telegram that came genuinely from a post and still must not be taken. Somebody must look.
func (p *Post) refuseWhole(tx *store.Tx, from string, serial uint32, why error) error {
	if err := circuit.Drop(tx, from, serial); err != nil {
		return err
	}
	return p.alarm(tx, from, fmt.Sprintf("serial %s was refused: %v", telegram.NumberText(serial), why))
}

// keep writes the record of how it came.
func (in *arrival) keep(tx *store.Tx, of int64, opened time.Time) error {
	var specials []string
	for _, s := range in.specials {
		specials = append(specials, strconv.FormatUint(uint64(s), 10))
	}
	return tx.Insert("arrival (of, specials, first, last, opened, bytes)", 6, []any{of, strings.Join(specials, ","), in.first.UnixMilli(), in.last.UnixMilli(), opened.UnixMilli(), in.bytes}, "")
}

// sendReceipts is step 6. A receipt that cannot be sent is no loss: the telegram comes again, and so does the receipt.
func (p *Post) sendReceipts(ctx context.Context, v *view, carrier circuit.Carrier, to string, items []telegram.ReceiptItem, now time.Time) {
	for part := range slices.Chunk(items, telegram.MaxReceipt) {
		statement := (&telegram.Receipt{From: to, To: p.config.Name, At: now.Unix(), Items: part}).Marshal()
		s := telegram.Service{Kind: telegram.ServiceReceipt, Statement: statement}
		s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelReceipt, statement)
		if err := p.sendService(ctx, v, carrier, to, telegram.Override, &s, now); err != nil && ctx.Err() == nil {
			p.config.Log.Warn("a receipt could not be sent; it will be when the telegram comes again", "post", to, "telegrams", len(part), "reason", err)
		}
	}
}
