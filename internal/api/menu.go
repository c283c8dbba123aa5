package api

import (
	"strconv"
	"strings"
	"unicode"

	"countersign/internal/base/message"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/signin"
)

// Menu is what a door on a terminal prints before it reads a line.
type Menu struct {
	Text    string            // ends with the question; to be printed as it is
	Factors map[string]string // what each option stands for: "1": "push1" …, and "default", which says why when it cannot be had
}

// MenuFor makes the menu for one person. number is what a phone will ask for, "" when the door shows none.
func MenuFor(c *message.Catalogue, g signin.Gate, number string) Menu {
	m := Menu{Factors: map[string]string{"default": "push1"}} // without a default a client that asks nobody ends in silence
	var b strings.Builder
	b.WriteString(c.Text("api.menu.title", "user", g.Username) + "\n\n")
	ways := PushWays(g, number != "")
	for i, w := range ways {
		if i == 0 {
			b.WriteString(c.Text("api.menu.choose") + "\n\n")
		}
		option := strconv.Itoa(i + 1)
		m.Factors[option] = FactorPush + option
		b.WriteString(" " + option + ". " + c.Text(w.Factor().Menu, "device", w.Device) + "\n")
	}
	if len(ways) == 0 {
		m.Text = Terminal(b.String() + c.Text("api.menu.code"))
		return m
	}
	b.WriteString("\n")
	if number != "" {
		b.WriteString(c.Text("api.menu.number", "number", number) + "\n\n")
	}
	m.Text = Terminal(b.String() + c.Text("api.menu.options", "last", len(ways)))
	return m
}

// Terminal is text that a terminal prints and does not obey: names in it are other people's.
func Terminal(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// PushWays are the ways a request can be sent by, the person's default phone first (D-12), then the order of
// the gate. A door that shows no number has none where policy demands one (decision 14).
func PushWays(g signin.Gate, numbered bool) []signin.Way {
	if !numbered && g.Policy.NumberRequired == "on" {
		return nil
	}
	var ways []signin.Way
	for _, w := range factor.Ringing(g.Ways) {
		switch {
		case w.PhoneID == g.User.DefaultPhone:
			ways = append([]signin.Way{w}, ways...)
		default:
			ways = append(ways, w)
		}
	}
	return ways
}

// Factors as Choice and the doors name them.
const (
	FactorPush     = "push"
	FactorPasscode = "passcode"
	FactorPhone    = "phone"
	FactorSMS      = "sms"
)

// Choice is what a typed line or a factor with a number means.
type Choice struct {
	Factor string // a Factor…; "" = an option that is not there
	WayID  string // push: the way to send by; "" = none such
	Code   string // passcode
}

// Choose reads a line typed at a menu, or a value of its Factors: an option's number, "push", "push2", "auto" and "default"
// for the first request, "phone1", "sms", else a code. A short number that is no option is nothing: it is not tried as a code.
func Choose(g signin.Gate, typed string, numbered bool) Choice {
	typed = strings.TrimSpace(typed)
	name := strings.ToLower(strings.TrimRight(typed, "0123456789"))
	digits := typed[len(strings.TrimRight(typed, "0123456789")):]
	switch {
	case name == "" && digits != "" && len(digits) < 3:
		if n, _ := strconv.Atoi(digits); n >= 1 && n <= len(PushWays(g, numbered)) {
			return Choice{Factor: FactorPush, WayID: pushWay(g, digits, numbered)}
		}
		return Choice{}
	case name == FactorPush, digits == "" && (name == "auto" || name == "default"):
		return Choice{Factor: FactorPush, WayID: pushWay(g, digits, numbered)}
	case name == FactorPhone, name == FactorSMS:
		return Choice{Factor: name}
	case typed == "":
		return Choice{}
	}
	return Choice{Factor: FactorPasscode, Code: typed}
}

// pushWay finds the way of a number as the menu counts, "" = the first.
func pushWay(g signin.Gate, digits string, numbered bool) string {
	n := 1
	if digits != "" {
		var err error
		if n, err = strconv.Atoi(digits); err != nil {
			return ""
		}
	}
	ways := PushWays(g, numbered)
	if n < 1 || n > len(ways) {
		return ""
	}
	return ways[n-1].ID
}
