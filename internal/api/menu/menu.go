// Package menu is what the doors on terminals print before they read a line, and what the typed line means. It knows no
// person and decides nothing: it counts the devices it is given.
package menu

import (
	"strconv"
	"strings"
	"unicode"

	"countersign/internal/base/message"
)

// Menu is text and options as both dialects of terminals send them.
type Menu struct {
	Text    string            // ends with the question; to be printed as it is
	Factors map[string]string // what each option stands for: "1": "push1" …, and "default", which says why when it cannot be had
}

// For makes the menu of a person who may choose among options, each one line of text; the first one is the default. number is what a phone will ask
// for, "" when the door shows none.
func For(c *message.Catalogue, username string, options []string, number string) Menu {
	m := Menu{Factors: map[string]string{"default": Push + "1"}} // without a default a client that asks nobody ends in silence
	var b strings.Builder
	b.WriteString(c.Text("api.menu.title", "user", username) + "\n\n")
	for i, line := range options {
		if i == 0 {
			b.WriteString(c.Text("api.menu.choose") + "\n\n")
		}
		option := strconv.Itoa(i + 1)
		m.Factors[option] = Push + option
		b.WriteString(" " + option + ". " + line + "\n")
	}
	if len(options) == 0 {
		m.Text = Terminal(b.String() + c.Text("api.menu.code"))
		return m
	}
	b.WriteString("\n")
	if number != "" {
		b.WriteString(c.Text("api.menu.number", "number", number) + "\n\n")
	}
	m.Text = Terminal(b.String() + c.Text("api.menu.options", "last", len(options)))
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

// Factors as lines and programs name them.
const (
	Push     = "push"
	Passcode = "passcode"
	Phone    = "phone"
	SMS      = "sms"
)

// Line is what was typed.
type Line struct {
	Factor string // "" = an option that is not there
	Option int    // push: the device, counted from 1; 0 = none such
	Code   string // passcode
}

// Read reads a line typed at a menu of so many devices, or a value of its Factors: an option's number, "push", "push2",
// "auto" and "default" for the first request, "phone1", "sms", else a code. A short number that is no option is nothing:
// it is not tried as a code.
func Read(typed string, devices int) Line {
	typed = strings.TrimSpace(typed)
	word := strings.TrimRight(typed, "0123456789")
	name, digits := strings.ToLower(word), typed[len(word):]
	switch {
	case name == "" && digits != "" && len(digits) < 3:
		if n := option(digits, devices); n > 0 {
			return Line{Factor: Push, Option: n}
		}
		return Line{}
	case name == Push, digits == "" && (name == "auto" || name == "default"):
		return Line{Factor: Push, Option: option(digits, devices)}
	case name == Phone, name == SMS:
		return Line{Factor: name}
	case typed == "":
		return Line{}
	}
	return Line{Factor: Passcode, Code: typed}
}

// option is a number of the menu, "" = the first; 0 for one that is not there.
func option(digits string, devices int) int {
	n := 1
	if digits != "" {
		var err error
		if n, err = strconv.Atoi(digits); err != nil {
			return 0
		}
	}
	if n < 1 || n > devices {
		return 0
	}
	return n
}
