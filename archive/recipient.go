package archive

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	conveyVerbs = `(?:transmit|hand|convey|deliver|pass|communicate|give|forward|relay|present|read|tell|inform|notify|say|state|declare|send|make|express|extend|submit|bring|put|repeat|advise|reply|answer)`
	visitVerbs  = `(?:visit|call on|call upon|pay a call on|see|meet with|meet|go to see|go and see|go to|seek out|seek an audience (?:with|of)|seek an interview with|receive|approach|contact|get in touch with|ask to be received by|ask to see|arrange to see|report to|find|summon|invite)`
	adverbs     = `(?:(?:immediately|at once|personally|orally|urgently|then|also|please|confidentially|verbally|to|on my behalf|on our behalf|on his behalf|without delay|in person),? )*`
)

var (
	conveyOrder   = regexp.MustCompile(`(?i)\b` + conveyVerbs + `\b`)
	conveyPassive = regexp.MustCompile(`(?i)\b(?:transmitted|handed(?: over)?|conveyed|delivered|passed(?: on)?|communicated|given|forwarded|relayed|presented|read(?: out)?|sent|repeated)\b`)
	messageFor    = regexp.MustCompile(`(?i)\b(?:message|text|note|letter|following|transmission|delivery)(?: [^.:]{0,60}?)? (?:is )?(?:for|to) ([^:.;]+?)(?: (?:from|follows|as follows|reads|is as follows|the following)\b.*)?:?$`)
	forName       = regexp.MustCompile(`(?:^|\s)(?:For|Personal for|Personal to) ([^:.;]+?)(?: from [^:]+)?:$`)
	followingWord = regexp.MustCompile(`(?i)\b(?:following|as follows|these words|this (?:message|note|text|reply|answer)|(?:message|note|text|letter|reply|answer|statement|greetings?))\b`)
	toBe          = regexp.MustCompile(`(?i)\b(?:is|are|should|must|has|have|to) (?:to )?(?:be )?$|\bbe $`)

	visited     = regexp.MustCompile(`(?i)\b` + visitVerbs + `\s+(.+?)(?:\s*,?\s+(?:and|then|in order|so as|to)\s+` + adverbs + `(?:in order )?(?:to )?` + adverbs + conveyVerbs + `\b|\s*[,;]\s+` + adverbs + conveyVerbs + `\b|[;:]|\.?$)`)
	verbThenTo  = regexp.MustCompile(`(?i)\b` + conveyVerbs + `(?:ed|d)?\b(?: (?:over|on|out|along))?(?: (?:immediately|at once|personally|orally|urgently|verbally|confidentially|without delay|in person))*,? to (.+)$`)
	verbThenWho = regexp.MustCompile(`(?i)\b(?:hand|give|tell|inform|notify|send|read|advise|present|pass)\b(?: (?:over|on))? (.+?)(?: with| of)? ` + `(?:the following|as follows|that|this|these|a |an |our |my |the (?:message|note|text|letter|reply|answer|statement|enclosed))`)
	whoEnd      = regexp.MustCompile(`(?i)\s*(?:,\s+\p{Ll}{1,3}\s.*|\bthe following\b.*|\bas follows\b.*|\bthe (?:message|note|text|letter|reply|answer|statement)\b.*|\bthis (?:message|note|text|letter|reply)\b.*|\b(?:an?|our|my) (?:message|note|text|letter|reply|answer|statement|aide-m[eé]moire)\b.*|\bfrom [A-ZА-Я].*|\band ` + adverbs + `(?:` + conveyVerbs + `|ask|report|request|await|obtain)\b.*)$`)
	whoAdverb   = regexp.MustCompile(`(?i)[\s,]+(?:immediately|at once|personally|orally|urgently|verbally|confidentially|verbatim|today|tomorrow|tonight|now|also|again|without delay|in person|in writing|in confidence|in strict confidence|this (?:evening|morning|afternoon)|on (?:my|our|his|its) behalf|in (?:my|our|his|its) name|as soon as possible|by hand|in private|privately|under any pretext|if possible|first thing|by word of mouth|on behalf of [^,:]+)$`)
	tellWho     = regexp.MustCompile(`(?i)\b(?:tell|inform|notify|advise) ((?:\S+ ){0,7}\S+)$`)
	noRecipient = regexp.MustCompile(`(?i)^(?:over|on|out|the following|following|.* the following|this|these|that|it)$`)
)

// ordersConveying tells whether the last sentence before a quotation orders it
// to be handed on.
func ordersConveying(intro string, colon bool) bool {
	last := lastSentence(intro)
	if last == "" {
		return false
	}
	if strings.HasPrefix(last, "For ") || strings.HasPrefix(last, "Personal for ") {
		return colon
	}
	if !colon && !followingWord.MatchString(last) {
		return false
	}
	for _, at := range conveyOrder.FindAllStringIndex(last, 20) {
		if orders(last[:at[0]]) {
			return true
		}
	}
	for _, at := range conveyPassive.FindAllStringIndex(last, 20) {
		if toBe.MatchString(last[:at[0]]) {
			return true
		}
	}
	return messageFor.MatchString(last)
}

var tellsOnly = regexp.MustCompile(`(?i)(?:^|\s)(?:they|we|i|he|she|who|which|newspapers?|not|his|her|our|their|your|the|a|this|in|of|no|any)\s+$`)

// orders tells whether a verb behind these words is an order, not a report, a
// noun or something forbidden.
func orders(before string) bool { return !tellsOnly.MatchString(before) }

// recipient finds to whom a message is to be given.
func recipient(intro string) string {
	list := sentences(intro)
	if len(list) == 0 {
		return ""
	}
	last := list[len(list)-1]
	who := named(last)
	if !pronoun(who) && who != "" {
		return who
	}
	for i := len(list) - 1; i >= 0; i-- {
		if all := visited.FindAllStringSubmatch(list[i], 8); len(all) > 0 {
			who := all[len(all)-1]
			if asked := strings.ToLower(who[0]); strings.HasPrefix(asked, "invite") || strings.HasPrefix(asked, "summon") {
				who[1], _, _ = strings.Cut(who[1], " to ")
			}
			if person := trimWho(who[1]); person != "" && !pronoun(person) {
				return person
			}
		}
	}
	return who
}

// named finds the recipient that the order itself names.
func named(sentence string) string {
	if m := forName.FindStringSubmatch(sentence); m != nil {
		return trimWho(m[1])
	}
	sentence = strings.TrimRight(sentence, ": -–—")
	if m := verbThenTo.FindStringSubmatch(sentence); m != nil {
		if who := trimWho(m[1]); who != "" && !followsVerb(who) {
			return who
		}
	}
	if m := verbThenWho.FindStringSubmatch(sentence); m != nil {
		if who := trimWho(m[1]); who != "" && !noRecipient.MatchString(who) && !strings.Contains(who, " to ") && words(who) <= 10 {
			return who
		}
	}
	if m := tellWho.FindStringSubmatch(sentence); m != nil {
		return trimWho(m[1])
	}
	at := conveyOrder.FindStringIndex(sentence)
	if at == nil {
		at = conveyPassive.FindStringIndex(sentence)
	}
	if at != nil {
		if who := toWhom(sentence[at[1]:]); who != "" {
			return who
		}
	}
	if m := messageFor.FindStringSubmatch(sentence); m != nil {
		return trimWho(m[1])
	}
	return ""
}

// toWhom finds the "to" that names a person: not that of "reply to", nor one
// before a verb.
func toWhom(text string) string {
	for range 8 {
		at := strings.Index(text, " to ")
		if at < 0 {
			return ""
		}
		before := strings.ToLower(text[strings.LastIndexByte(text[:at], ' ')+1 : at])
		after := text[at+len(" to "):]
		switch before {
		case "reply", "answer", "response", "relation", "regard", "reference", "addition", "according", "due", "order", "contrary", "prior":
		default:
			if !followsVerb(after) {
				return trimWho(after)
			}
		}
		text = after
	}
	return ""
}

func followsVerb(text string) bool {
	at := conveyOrder.FindStringIndex(text)
	return at != nil && at[0] == 0 || strings.HasPrefix(text, "be ") || strings.HasPrefix(text, "have ")
}

func pronoun(who string) bool {
	switch strings.ToLower(who) {
	case "him", "her", "them", "it", "the latter", "both", "both of them", "the same", "him personally":
		return true
	}
	return false
}

// trimWho takes off what is no part of a person's name or office.
func trimWho(who string) string {
	who = strings.TrimRight(who, " :,;-–—")
	for range 6 {
		shorter := strings.TrimRight(whoAdverb.ReplaceAllString(whoEnd.ReplaceAllString(who, ""), ""), " :,;")
		if shorter == who {
			break
		}
		who = shorter
	}
	if last, size := utf8.DecodeLastRuneInString(strings.TrimSuffix(who, ".")); size > 0 && unicode.IsLower(last) {
		who = strings.TrimSuffix(who, ".")
	}
	return strings.TrimSpace(who)
}
