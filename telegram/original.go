package telegram

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// An addressee passes a telegram on by readdressing it: in a telegram of his own, released at his post, the other's text stands as its last
// message, word for word, and the rest of it in the field [Telegram.Original]: head, seed, and the signatures of its drafter and releaser.
// Together they are the telegram that was released, so whoever receives it makes R and D of it again and needs to take nobody's word for what
// was said, by whom, to whom, and whether he who passes it on was to act on it. Its numbers do not go along: the serial that the reference
// cites is the word of the post that passes it on.

// maxOriginal bounds the field, in bytes: heads of a few readdressals within each other.
const maxOriginal = 128 << 10

// checkOnOne says whether what the telegram cancels, corrects, readdresses or repeats is one other telegram, named by its R.
func (t *Telegram) checkOnOne() error {
	on := t.On()
	if (on != nil && on.Act == Readdresses) != (t.Original != nil) {
		return errors.New("a telegram that is readdressed goes along whole, and only then")
	}
	if t.Original != nil && len(t.Original.Telegram.Attachments) > 0 {
		return errors.New("a telegram with attachments is not readdressed")
	}
	if on == nil {
		return nil
	}
	for _, r := range t.References {
		if r.Act.OnOne() && (r.Act != on.Act || r.Root != on.Root || r.Post != on.Post) {
			return errors.New("a telegram cancels, corrects, readdresses or repeats one other, and does one of these: write a telegram for each")
		}
	}
	if on.Root == (Root{}) {
		return fmt.Errorf("what it %v is named by its R, which is missing", on.Act)
	}
	return nil
}

// On is the first reference to the telegram that this one cancels, corrects, readdresses or repeats, nil if it does none of it. There is one for
// each post to which that telegram went, all of one act, post and R: the same telegram has another serial for each.
func (t *Telegram) On() *Reference {
	i := slices.IndexFunc(t.References, func(r Reference) bool { return r.Act.OnOne() })
	if i < 0 {
		return nil
	}
	return &t.References[i]
}

// PassOn makes the telegram a readdressal of another: it appends that one's text as a message, and puts the rest into Original.
func (t *Telegram) PassOn(o *Released) {
	head := *o.Telegram
	head.Body = nil
	t.Body = slices.Concat(t.Body, []Block{{Convey, head.passedTo()}}, o.Telegram.Body, []Block{{End, head.Signature}})
	t.Original = &Released{&head, o.Signatures}
}

// passedTo is whom the message of a readdressal is to: who had the telegram first.
func (t *Telegram) passedTo() string {
	if len(t.To) > 0 {
		return t.To[0].String()
	}
	return t.Info[0].String()
}

// Readdressed is the telegram that this one passes on, whole as it was released, with the signatures that were made then; nil if it passes on
// none. It is an error if it is not the one that is cited. Whether the signatures hold is for others to say.
func (t *Telegram) Readdressed() (*Released, error) {
	if t.Original == nil {
		return nil, nil
	}
	o, err := t.original()
	if err != nil {
		return nil, err
	}
	if _, root := o.Telegram.Roots(); root != t.On().Root {
		return nil, errors.New("what it passes on is not the telegram that it cites: its text, or what stands in its head, is another")
	}
	return o, nil
}

// original puts together what is readdressed.
func (t *Telegram) original() (*Released, error) {
	head := t.Original.Telegram
	if head.Released == 0 || len(head.Body) > 0 {
		return nil, errors.New("only what was released is readdressed, and its text stands in the text")
	}
	begin, depth := len(t.Body)-1, 0
	for ; begin >= 0; begin-- {
		switch t.Body[begin].Kind {
		case End:
			depth++
		case Convey:
			depth--
		}
		if depth == 0 {
			break
		}
	}
	if begin < 0 || t.Body[begin].Kind != Convey || t.Body[begin].Text != head.passedTo() || t.Body[len(t.Body)-1].Text != head.Signature {
		return nil, errors.New("the text of a readdressal ends with the telegram that is readdressed, as a message to its first addressee, under its signature")
	}
	whole := *head
	whole.Body = t.Body[begin+1 : len(t.Body)-1 : len(t.Body)-1]
	if err := whole.Check(); err != nil {
		return nil, fmt.Errorf("what is readdressed: %w", err)
	}
	return &Released{&whole, t.Original.Signatures}, nil
}

// parseOriginal reads the field of what is readdressed, which stands so deep.
func parseOriginal(b []byte, depth int) (*Released, error) {
	if len(b) > maxOriginal || depth > MaxDepth {
		return nil, malformed("what is readdressed is too large, or stands too deep")
	}
	s := cryptobyte.String(b)
	r := &Released{}
	raw, ok := r.cut(&s)
	if !ok || !s.Empty() {
		return nil, malformed("what is readdressed is cut off")
	}
	// A telegram keeps nothing of the bytes it is read from.
	r.Draft, r.Release, r.ReleasePQ = slices.Clone(r.Draft), slices.Clone(r.Release), slices.Clone(r.ReleasePQ)
	var err error
	r.Telegram, err = parseBare(raw, depth)
	return r, err
}
