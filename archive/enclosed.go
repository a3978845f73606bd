package archive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// SheetAttachment names an attachment as sheets list it: by name and size.
func SheetAttachment(name string, bytes int64) string {
	return fmt.Sprintf("%s (%d bytes)", name, bytes)
}

const attachmentsLine = "Attachments:"

var attachmentLine = regexp.MustCompile(`^(\d+)\. (.+ \(\d+ bytes\))$`)

// setAttachments lists the attachments, each on a line of its own: a name may have any punctuation.
func (t *SheetTelegram) setAttachments(b *strings.Builder) {
	if len(t.Attachments) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", attachmentsLine)
	for i, a := range t.Attachments {
		fmt.Fprintf(b, "%d. %s\n", i+1, a)
	}
}

// cutAttachments parts the lines of the telegram from those that list its attachments, which are the last and of this one form: what only looks like a
// list of attachments is text.
func cutAttachments(lines []line) (text []line, attachments []string) {
	at := len(lines) - 1
	for at >= 0 && lines[at].text != attachmentsLine {
		at--
	}
	if at < 0 {
		return lines, nil
	}
	for _, l := range lines[at+1:] {
		if l.blank() {
			continue
		}
		m := attachmentLine.FindStringSubmatch(l.text)
		if m == nil || m[1] != strconv.Itoa(len(attachments)+1) {
			return lines, nil
		}
		attachments = append(attachments, m[2])
	}
	if len(attachments) == 0 {
		return lines, nil
	}
	return lines[:at], attachments
}
