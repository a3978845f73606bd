package line

import (
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
)

const (
	maxPayload  = 8 << 20                  // what the hub takes as one message
	maxBundle   = 4 + telegram.MaxEnvelope // what we send as one message: the longest envelope fits
	pullExpires = 2 * time.Minute          // how long the hub keeps a request for messages open

	// The broker's other bounds, in this process or outside.
	maxPending   = 4 * maxPayload
	maxSubs      = 64
	maxControl   = 4096
	authTimeout  = 180.0 // seconds, and as many before them for TLS: at 2,400 bit/s both take a minute
	writeTimeout = 5 * time.Minute
	pingInterval = 15 * time.Minute // members ask more often than this, and so the hub need not: on a metered line each ping is paid for
	maxPings     = 2

	hubAccount = "HUB"
	allPosts   = "tg.*.*"
	allWakes   = "wake.*.*"
	nextPrefix = "$JS.API.CONSUMER.MSG.NEXT."
	ackPrefix  = "$JS.ACK."
)

func streamName(r telegram.Route) string        { return r.String() }
func consumerName(p telegram.Precedence) string { return "p" + digit(p) }
func accountName(r telegram.Route) string       { return "POST_" + r.String() }
func inbox(r telegram.Route) string             { return "_INBOX." + r.String() }

func wakeSubject(r telegram.Route) string { return "wake." + r.String() + ".*" }

// rights are the subjects to which a member may send, each a service of the hub, and those that it may hear: its own, and its wakes, which
// are a stream of the hub.
func rights(r telegram.Route) (says, hears []string) {
	return []string{allPosts, nextPrefix + streamName(r) + ".*", ackPrefix + streamName(r) + ".*.>"}, []string{inbox(r) + ".>", wakeSubject(r)}
}

// woken reads the precedence of a wake from its subject. Nothing else of a wake is looked at.
func woken(r telegram.Route, subject string) (p telegram.Precedence, ok bool) {
	digit, ok := strings.CutPrefix(subject, strings.TrimSuffix(wakeSubject(r), "*"))
	if !ok || len(digit) != 1 || digit[0] < '0' || digit[0] > '0'+byte(telegram.Override) {
		return 0, false
	}
	return telegram.Precedence(digit[0] - '0'), true
}

func digit(p telegram.Precedence) string { return string('0' + rune(p)) }
func next(r telegram.Route, p telegram.Precedence) string {
	return nextPrefix + streamName(r) + "." + consumerName(p)
}

func subject(to telegram.Route, p telegram.Precedence) string {
	return "tg." + to.String() + "." + digit(p)
}

// fetched reads the subject that acknowledges a message: through which of our consumers it came, its number at the hub, and how many wait behind
// it. The form is the broker's: $JS.ACK.<stream>.<consumer>.<times delivered>.<its number>.<count>.<time>.<waiting>.
func fetched(r telegram.Route, ack string) (p telegram.Precedence, number uint64, waiting int, ok bool) {
	rest, ok := strings.CutPrefix(ack, ackPrefix+streamName(r)+".p")
	if !ok || len(rest) < 2 || rest[1] != '.' || rest[0] < '0' || rest[0] > '0'+byte(telegram.Override) {
		return 0, 0, 0, false
	}
	waiting, _ = strconv.Atoi(rest[strings.LastIndexByte(rest, '.')+1:])
	if parts := strings.SplitN(rest, ".", 4); len(parts) == 4 {
		number, _ = strconv.ParseUint(parts[2], 10, 64)
	}
	return telegram.Precedence(rest[0] - '0'), number, max(waiting, 0), true
}
