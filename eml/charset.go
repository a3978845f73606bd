package eml

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// decode gives a text in a character set as UTF-8. It refuses bytes that are no text there, and guesses nothing.
func decode(charset string, b []byte) (string, error) {
	switch name := strings.ToLower(charset); name {
	case "", "utf-8", "utf8":
		if !utf8.Valid(b) {
			return "", errors.New("it is not UTF-8")
		}
		return string(b), nil
	case "us-ascii", "ascii":
		for i, c := range b {
			if c >= utf8.RuneSelf {
				return "", fmt.Errorf("it says that it is plain ASCII and has the byte %#02x at %d: save the mail as UTF-8", c, i)
			}
		}
		return string(b), nil
	}
	e, err := encodingOf(charset)
	if err != nil {
		return "", err
	}
	out, err := e.NewDecoder().Bytes(b)
	// A decoder writes U+FFFD for bytes that are no text of its set.
	if err != nil || strings.ContainsRune(string(out), utf8.RuneError) {
		return "", fmt.Errorf("it says that it is %q, and has bytes that are no text there: save the mail as UTF-8", shorten(charset))
	}
	return string(out), nil
}

func encodingOf(charset string) (encoding.Encoding, error) {
	if e, err := ianaindex.MIME.Encoding(charset); err == nil && e != nil {
		return e, nil
	}
	// Names that mail programs write and IANA gives otherwise, or to nothing that is here: gb2312 above all.
	if e, err := htmlindex.Get(charset); err == nil {
		if name, err := htmlindex.Name(e); err == nil && name != "replacement" && name != "x-user-defined" {
			return e, nil
		}
	}
	return nil, fmt.Errorf("its character set %q is not known here: save the mail as UTF-8", shorten(charset))
}

// transferred undoes a Content-Transfer-Encoding.
func transferred(encoding string, b []byte) ([]byte, error) {
	switch strings.ToLower(encoding) {
	case "", "7bit", "8bit", "binary":
		return b, nil
	case "quoted-printable":
		out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b)))
		if err != nil || badQuotes(b) {
			return nil, errors.New("its quoted-printable text is damaged")
		}
		return out, nil
	case "base64":
		packed := strings.Map(func(r rune) rune {
			if strings.ContainsRune(" \t\r\n", r) {
				return -1
			}
			return r
		}, string(b))
		out, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			return nil, errors.New("its base64 text is damaged, or cut off")
		}
		return out, nil
	}
	return nil, fmt.Errorf("its transfer encoding %q is unknown", shorten(encoding))
}

// badQuotes finds an equals sign behind which neither a byte nor the end of the line stands. The reader of the library takes it as it is.
func badQuotes(b []byte) bool {
	for l := range bytes.Lines(b) {
		l = bytes.TrimRight(l, " \t\r\n")
		for i, c := range l {
			if c != '=' || i == len(l)-1 {
				continue
			}
			if _, err := strconv.ParseUint(string(l[i+1:min(i+3, len(l))]), 16, 8); err != nil || i+3 > len(l) {
				return true
			}
		}
	}
	return false
}
