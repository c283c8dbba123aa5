package attempt

import (
	"context"
	"errors"

	"countersign/internal/api/menu"
	"countersign/internal/base/message"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/signin"
)

// Choice is the proof that a caller chose.
type Choice struct {
	Factor string // one of menu's; "" = an option that is not there
	WayID  string // push: the way to send by; "" = none such
	Code   string // passcode
	NoWay  error  // the answer where the choice cannot be had; nil: "no" with the reason
}

// PushWays are the ways a request can be sent by, the person's default phone first (D-12), then the order of
// the gate. A door that shows no number has none where policy demands one (RULE-14).
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

// MenuFor makes a terminal's menu for one person. number is what a phone will ask for, "" when the door shows none.
func MenuFor(c *message.Catalogue, g signin.Gate, number string) menu.Menu {
	var options []string
	for _, w := range PushWays(g, number != "") {
		options = append(options, c.Text(w.Factor().Menu, "device", w.Device))
	}
	return menu.For(c, g.Username, options, number)
}

// Typed reads what was typed at the menu of MenuFor; numbered says that it showed a number.
func Typed(g signin.Gate, typed string, numbered bool) Choice {
	ways := PushWays(g, numbered)
	line := menu.Read(typed, len(ways))
	c := Choice{Factor: line.Factor, Code: line.Code}
	if line.Option > 0 {
		c.WayID = ways[line.Option-1].ID
	}
	return c
}

// errNoRequest is a request where nothing but a code is left.
var errNoRequest = errors.New("no way for requests")

// prove starts or makes the proof that was chosen. A factor nobody can have yet is no way in.
func (e *Engine) prove(ctx context.Context, a signin.Attempt, c Choice) (transaction.Transaction, error) {
	ways := PushWays(a.Gate, true)
	switch {
	case c.Factor == menu.Passcode:
		return e.SignIn.Prove(ctx, a, c.Code)
	case c.Factor == menu.Push && c.WayID != "":
		return e.SignIn.Send(ctx, a, c.WayID)
	case c.Factor == menu.Push && a.Number == "" && a.Policy.NumberRequired == "on" && len(ways) > 0:
		return e.SignIn.Send(ctx, a, ways[0].ID) // refuses, and logs that somebody tried (RULE-14)
	case c.NoWay != nil:
		return transaction.Transaction{}, c.NoWay
	case c.Factor == menu.Push && len(ways) == 0:
		return transaction.Transaction{}, errNoRequest // a caller who asks nobody hears, too, that a code is left
	}
	return transaction.Transaction{}, signin.ErrNoWay
}
