package post

import (
	"chancery.example/chancery/telegram"
)

// Message is a telegram within a telegram, as it is handed over: alone, without numbers, times, or anything of the cipher.
type Message struct {
	Depth     int    `json:"depth"` // 1 for one that stands in the telegram itself, 2 for one within that
	To        string `json:"to"`
	Text      string `json:"text"` // with the messages within it
	Signature string `json:"signature"`
}

// messages gives all messages within a body, each before those within it.
func messages(body []telegram.Block) (all []Message) {
	var open []int // of all, and where each begins in body
	var begins []int
	for i, b := range body {
		switch b.Kind {
		case telegram.Convey:
			all = append(all, Message{Depth: len(open) + 1, To: b.Text})
			open, begins = append(open, len(all)-1), append(begins, i+1)
		case telegram.End:
			if len(open) == 0 {
				return all // no telegram that parses has this
			}
			n, first := open[len(open)-1], begins[len(begins)-1]
			open, begins = open[:len(open)-1], begins[:len(begins)-1]
			all[n].Text = sheetText(body[first:i])
			all[n].Signature, _ = signatureAndGloss(b.Text)
		}
	}
	return all
}
