package telegram

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/text/unicode/norm"
)

// Redaction chooses what of a telegram is withheld: at first nothing but attachments, which each have the key of their file. It has the telegram and its seeds, and does not leave the post. What it gives by
// Disclose has neither.
type Redaction struct {
	t       *Telegram
	root    Root
	trees   [3]redacted // head, body, numbers: the last is empty until Enter
	reasons []string
}

// The trees of a redaction.
const (
	inHead = iota
	inBody
	inNumbers
)

// redacted is one tree of which leaves are withheld.
type redacted struct {
	seed     []byte
	leaves   []Leaf
	withheld []int // of each leaf: 0 it is shown, else the number of the reason for which it is not, and one more
}

func newRedacted(seed []byte, leaves []Leaf) redacted {
	return redacted{seed, leaves, make([]int, len(leaves))}
}

// Redact begins a redaction of a released telegram. What a readdressal passes on is shown in its text; the field beside it never is.
func Redact(t *Telegram) *Redaction {
	x := &Redaction{t: t}
	_, x.root = t.Roots()
	body := t.BodyLeaves()
	x.trees[inHead] = newRedacted(mac(t.Seed[:], LabelHead), withForm(formKind, t.fields(), body))
	x.trees[inBody] = newRedacted(mac(t.Seed[:], LabelBody), body)
	for i, l := range x.trees[inHead].leaves {
		if l.Kind == kindOriginal { // it has the seed of what is passed on, with which every word of that which is withheld could be tried out
			x.trees[inHead].withhold(i, 1)
		}
	}
	for i, l := range body {
		if l.Kind == kindAttachment {
			x.trees[inBody].withhold(i, 1)
		}
	}
	return x
}

// Attachment shows the n-th attachment, from 1: its name, and all with which anybody proves that a file is the one, and opens its pieces.
func (x *Redaction) Attachment(n int) error {
	at := 0
	for i, l := range x.trees[inBody].leaves {
		if l.Kind == kindAttachment {
			if at++; at == n {
				x.trees[inBody].withheld[i] = 0
			}
		}
	}
	if n < 1 || n > at {
		return fmt.Errorf("it has %d attachments, and no attachment %d", at, n)
	}
	return nil
}

// EnterOut tells the numbers of the sender's entry too.
func (x *Redaction) EnterOut(n *Numbers) {
	x.trees[inNumbers] = newRedacted(mac(x.trees[inHead].seed, LabelNumbers), withForm(numbersForm, n.leaves(), nil))
}

// EnterIn tells the numbers of a receiver's entry too; seed is the one it entered them with.
func (x *Redaction) EnterIn(n *Numbers, seed [32]byte) {
	x.trees[inNumbers] = newRedacted(mac(seed[:], LabelIncoming), withForm(numbersForm, n.leaves(), nil))
}

// FieldNames are the names by which [Redaction.Field] knows the parts of a telegram.
func FieldNames() (names []string) {
	for _, f := range fieldNames {
		names = append(names, f.name)
	}
	return slices.Compact(names)
}

var fieldNames = []struct {
	name  string
	tree  int
	kinds []uint8 // nil: all
}{
	{"sender", inHead, []uint8{kindSender}}, {"releaser", inHead, []uint8{kindReleaser}}, {"drafter", inHead, []uint8{kindDrafter}},
	{"action", inHead, []uint8{kindAction}}, {"info", inHead, []uint8{kindInfo}}, {"addressee", inHead, []uint8{kindAction, kindInfo}},
	{"label", inHead, []uint8{kindLabel}}, {"type", inHead, []uint8{kindType}}, {"deadline", inHead, []uint8{kindDeadline}},
	{"dtg", inHead, []uint8{kindDTG}}, {"released", inHead, []uint8{kindReleased}}, {"register-by", inHead, []uint8{kindRegisterBy}},
	{"asks", inHead, []uint8{kindAsks}}, {"subject", inHead, []uint8{kindSubject}}, {"signature", inHead, []uint8{kindSignature}},
	{"reference", inHead, []uint8{kindReference}}, {"code", inHead, []uint8{kindCode}}, {"deskby", inHead, []uint8{kindDeskby}},
	{"urgency", inHead, []uint8{kindUrgency}}, {"original", inHead, []uint8{kindOriginal}}, {"considered", inHead, []uint8{kindConsidered}}, {"number", inNumbers, []uint8{kindNumber}}, {"serial", inNumbers, []uint8{kindSerial}},
	{"registered", inNumbers, []uint8{kindEntered}}, {"attachment", inBody, []uint8{kindAttachment}}, {"head", inHead, nil}, {"text", inBody, nil},
	{"all", inHead, nil}, {"all", inBody, nil}, {"all", inNumbers, nil},
}

// because gives the number by which a reason is known to withhold.
func (x *Redaction) because(reason string) (int, error) {
	if reason == "" {
		return 1, nil
	}
	if err := checkReason(reason); err != nil {
		return 0, err
	}
	i := slices.Index(x.reasons, reason)
	if i < 0 {
		i = len(x.reasons)
		if i == MaxReasons {
			return 0, fmt.Errorf("there are more than %d different reasons", MaxReasons)
		}
		x.reasons = append(x.reasons, reason)
	}
	return i + 2, nil
}

func checkReason(reason string) error {
	if err := checkLine(reason, MaxReason); err != nil {
		return fmt.Errorf("a reason: %w", err)
	}
	return nil
}

// withhold withholds one leaf. What is withheld already keeps its reason, if it has one.
func (r *redacted) withhold(i, because int) {
	if r.withheld[i] <= 1 {
		r.withheld[i] = because
	}
}

// Field withholds every field of that name, or with #2 behind the name the second of them: see [FieldNames]. The form stays.
func (x *Redaction) Field(name, reason string) error {
	because, err := x.because(reason)
	if err != nil {
		return err
	}
	bare, nth := ordinal(name)
	n, known, told := 0, false, false
	for _, f := range fieldNames {
		if f.name != bare {
			continue
		}
		known = true
		for i, l := range x.trees[f.tree].leaves {
			told = true
			if (f.tree == inBody || i > 0) && (f.kinds == nil || slices.Contains(f.kinds, l.Kind)) {
				if n++; nth == 0 || n == nth {
					x.trees[f.tree].withhold(i, because)
				}
			}
		}
	}
	switch {
	case !known:
		return fmt.Errorf("%q is no field: use %s", name, strings.Join(FieldNames(), ", "))
	case told && n < max(nth, 1): // numbers that are not told at all need not be withheld
		return fmt.Errorf("the telegram has %d of %s, so %q withholds nothing", n, bare, name)
	}
	return nil
}

// ordinal takes #2 from the end of a text.
func ordinal(s string) (bare string, nth int) {
	if i := strings.LastIndexByte(s, '#'); i > 0 {
		if n, err := strconv.ParseUint(s[i+1:], 10, 20); err == nil && n > 0 {
			return s[:i], int(n)
		}
	}
	return s, 0
}

// Paragraph withholds the n-th paragraph of the text, from 1, those of conveyed telegrams among them.
func (x *Redaction) Paragraph(n int, reason string) error {
	because, err := x.because(reason)
	if err != nil {
		return err
	}
	body := &x.trees[inBody]
	at, within := 0, false
	for i, l := range body.leaves {
		switch BlockKind(l.Kind) {
		case Paragraph:
			at, within = at+1, true
		case Convey, End, kindAttachment:
			within = false // what is inserted behind a signature is of no paragraph
		}
		if within && at == n {
			body.withhold(i, because)
		}
	}
	if n < 1 || n > at {
		return fmt.Errorf("the text has %d paragraphs, and no paragraph %d", at, n)
	}
	return nil
}

// Message withholds the n-th conveyed telegram, from 1, with whom it is for and its signature, and those within it.
func (x *Redaction) Message(n int, reason string) error {
	because, err := x.because(reason)
	if err != nil {
		return err
	}
	body := &x.trees[inBody]
	begun, depth := 0, 0 // depth within the one meant
	signed := false      // its signature was the last leaf: what is inserted behind it goes with it
	for i, l := range body.leaves {
		kind := BlockKind(l.Kind)
		if kind == Convey {
			if begun++; begun == n || depth > 0 {
				depth++
			}
		}
		if depth > 0 || signed && kind == Insertion {
			body.withhold(i, because)
		}
		signed = kind == End && depth == 1
		if kind == End && depth > 0 {
			depth--
		}
	}
	if n < 1 || n > begun {
		return fmt.Errorf("it conveys %d telegrams, and no telegram %d", begun, n)
	}
	return nil
}

// Words withholds words wherever they stand, or with #2 behind them the second place, and says at how many places. A place is words of one paragraph
// that follow each other, or a subject, a signature, an insertion or whom a conveyed telegram is for, which are one leaf and are withheld whole. Capitals
// and the punctuation around a word make no difference.
func (x *Redaction) Words(words, reason string) (places int, err error) {
	because, err := x.because(reason)
	if err != nil {
		return 0, err
	}
	found, nth := x.find(words), 0
	if bare, n := ordinal(words); len(found) == 0 && n > 0 {
		nth, found = n, x.find(bare)
	}
	if len(found) < max(nth, 1) {
		return 0, fmt.Errorf("the telegram has %d places with the words %q, so nothing would be withheld", len(found), words)
	}
	if nth > 0 {
		found = found[nth-1 : nth]
	}
	for _, p := range found {
		for _, i := range p.leaves {
			x.trees[p.tree].withhold(i, because)
		}
	}
	return len(found), nil
}

// place is leaves that bear certain words.
type place struct {
	tree   int
	leaves []int
}

// find looks for words from the subject to the signature.
func (x *Redaction) find(words string) (found []place) {
	want := cores(words)
	if len(want) == 0 {
		return nil
	}
	for _, run := range x.runs() {
		for from := 0; from+len(want) <= len(run.words); from++ {
			if !slices.Equal(run.words[from:from+len(want)], want) {
				continue
			}
			if run.whole {
				found = append(found, place{run.tree, run.leaves})
				break
			}
			found = append(found, place{run.tree, run.leaves[from : from+len(want)]})
			from += len(want) - 1
		}
	}
	return found
}

// run is a text in which words are looked for: a paragraph, a leaf for each word, or one leaf.
type run struct {
	tree   int
	leaves []int
	words  []string // as they are compared
	whole  bool     // it is one leaf
}

func (x *Redaction) runs() (all []run) {
	one := func(tree, i int, text string) {
		all = append(all, run{tree, []int{i}, cores(text), true})
	}
	head := func(kind uint8) {
		for i, l := range x.trees[inHead].leaves {
			if l.Kind == kind {
				one(inHead, i, string(l.Value))
			}
		}
	}
	head(kindSubject)
	paragraph := -1 // the one that goes on
	for i, l := range x.trees[inBody].leaves {
		switch BlockKind(l.Kind) {
		case Paragraph, More:
			if BlockKind(l.Kind) == Paragraph || paragraph < 0 {
				all, paragraph = append(all, run{tree: inBody}), len(all)
			}
			all[paragraph].leaves, all[paragraph].words = append(all[paragraph].leaves, i), append(all[paragraph].words, core(string(l.Value)))
		case Convey, End:
			paragraph = -1
			one(inBody, i, string(l.Value))
		case Insertion:
			one(inBody, i, string(l.Value[1:]))
		case kindAttachment:
			one(inBody, i, attachmentText(l.Value))
		}
	}
	head(kindSignature)
	return all
}

// attachmentText is what people read of an attachment's leaf.
func attachmentText(leaf []byte) string {
	a, err := ParseAttachment(leaf)
	if err != nil {
		return ""
	}
	return a.Name + " " + a.Type
}

// cores are the words of a text as they are compared.
func cores(text string) (out []string) {
	for _, w := range Words(strings.TrimLeft(text, spaces)) {
		out = append(out, core(w))
	}
	return out
}

// core is a word as it is compared: without punctuation at its ends and unseen characters, in its compatible form, without capitals. What is
// nothing else stays.
func core(word string) string {
	folded := fold(strings.TrimRight(word, spaces))
	bare := strings.TrimFunc(folded, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) })
	if bare == "" {
		return folded
	}
	return bare
}

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, norm.NFKC.String(s))
}

// Left says where words that are to be withheld can still be read, within other words or in what [Redaction.Words] does not look at: for the eyes of
// whoever withholds them.
func (x *Redaction) Left(words string) (where []string) {
	if bare, nth := ordinal(words); nth > 0 && len(x.find(words)) == 0 && len(x.find(bare)) > 0 {
		return nil // one place of several was meant
	}
	want := strings.Join(strings.Fields(fold(words)), " ")
	if len([]rune(want)) < 2 {
		return nil
	}
	seen := func(what, text string) {
		if strings.Contains(strings.Join(strings.Fields(fold(text)), " "), want) {
			where = append(where, what)
		}
	}
	for i, l := range x.trees[inHead].leaves {
		if x.trees[inHead].withheld[i] == 0 && i > 0 {
			seen("the "+kindName(l.Kind), string(l.Value))
		}
	}
	paragraph, text := 0, ""
	for i, l := range x.trees[inBody].leaves {
		kind, shown := BlockKind(l.Kind), x.trees[inBody].withheld[i] == 0
		if !shown || kind == Paragraph || kind == Convey || kind == End || kind == kindAttachment {
			seen(fmt.Sprintf("paragraph %d", paragraph), text)
			text = ""
		}
		switch {
		case kind == Paragraph:
			paragraph++
		case shown && kind == kindAttachment:
			seen("the attachment", attachmentText(l.Value))
		case shown && (kind == Convey || kind == End || kind == Insertion):
			seen("the "+kindName(l.Kind), string(l.Value))
		}
		if shown && (kind == Paragraph || kind == More) {
			text += string(l.Value)
		}
	}
	seen(fmt.Sprintf("paragraph %d", paragraph), text)
	return slices.Compact(where)
}

// kindName names a leaf for people.
func kindName(kind uint8) string {
	switch BlockKind(kind) {
	case Convey:
		return "addressee of a conveyed telegram"
	case End:
		return "signature of a conveyed telegram"
	case Insertion:
		return "insertion"
	case kindSuite:
		return "suite"
	}
	for _, f := range fieldNames {
		if slices.Contains(f.kinds, kind) {
			return f.name
		}
	}
	return fmt.Sprintf("part of kind %#02x", kind)
}

// Disclose gives what is not withheld. The proofs are for the caller to add. A serial names a post, and is withheld with every addressee there, or with
// the sender; numbers and serials bear the mark of their type, and are withheld with it; the time of registration follows that of the release, and is
// withheld with it.
func (x *Redaction) Disclose() (*Disclosure, error) {
	if x.t.Released == 0 {
		return nil, errors.New("a telegram that nobody released is not disclosed")
	}
	if len(x.trees[inNumbers].leaves) > 0 {
		x.withholdNumbers()
	}
	d := &Disclosure{Root: x.root}
	order := []int{0, 1} // how a leaf is withheld, to the number of its reason in the disclosure, and one more
	for range x.reasons {
		order = append(order, 0)
	}
	for i, to := range []*Part{&d.Head, &d.Body, {}} {
		tree := &x.trees[i]
		for j, w := range tree.withheld {
			if w > 1 && order[w] == 0 {
				d.Reasons = append(d.Reasons, x.reasons[w-2])
				order[w] = len(d.Reasons) + 1
			}
			tree.withheld[j] = order[w]
		}
		if tree.disclose(to); i == inNumbers && len(tree.leaves) > 0 {
			d.Numbers = to
		}
	}
	x.reasons = d.Reasons
	return d, nil
}

// withholdNumbers withholds the numbers that tell something else that is withheld.
func (x *Redaction) withholdNumbers() {
	posts := map[string]bool{} // named by an office that is shown
	var released, typed int    // how these are withheld
	head := &x.trees[inHead]
	for i, l := range head.leaves {
		switch {
		case l.Kind == kindReleased:
			released = head.withheld[i]
		case l.Kind == kindType:
			typed = head.withheld[i]
		case head.withheld[i] == 0 && (l.Kind == kindAction || l.Kind == kindInfo || l.Kind == kindSender):
			_, post, _ := strings.Cut(string(l.Value), "@")
			posts[post] = true
		}
	}
	tree := &x.trees[inNumbers]
	for i, l := range tree.leaves {
		switch {
		case l.Kind == kindEntered && released > 0:
			tree.withhold(i, released)
		case (l.Kind == kindNumber || l.Kind == kindSerial) && typed > 0:
			tree.withhold(i, typed)
		case l.Kind == kindSerial && !posts[string(l.Value[:len(l.Value)-4])]:
			tree.withhold(i, 1)
		}
	}
}

// disclose fills a part with what is shown of a tree.
func (r *redacted) disclose(to *Part) {
	hashes := leafHashes(r.seed, r.leaves, func(i int, salt []byte) {
		last := len(to.Spans) - 1
		switch w := r.withheld[i]; {
		case w == 0:
			to.Spans = append(to.Spans, Span{Leaf: r.leaves[i], Salt: [32]byte(salt)})
		case last >= 0 && to.Spans[last].Withheld > 0 && to.Spans[last].Reason == w-1:
			to.Spans[last].Withheld++
		default:
			to.Spans = append(to.Spans, Span{Withheld: 1, Reason: w - 1})
		}
	})
	to.Digests = r.digests(nil, hashes, 0)
}

// digests appends those of the largest subtrees of which no leaf is shown; hashes are of the leaves from at on.
func (r *redacted) digests(to []tlog.Hash, hashes []tlog.Hash, at int) []tlog.Hash {
	own := r.withheld[at:][:len(hashes)]
	switch {
	case !slices.ContainsFunc(own, func(w int) bool { return w > 0 }):
		return to
	case !slices.Contains(own, 0):
		return append(to, merkle(hashes))
	}
	k := split(len(hashes))
	return r.digests(r.digests(to, hashes[:k], at), hashes[k:], at+k)
}
