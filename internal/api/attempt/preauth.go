package attempt

import (
	"context"
	"errors"

	"countersign/internal/base/message"
	"countersign/internal/domain/user"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
)

// Standing says whether and how a person may prove to be one.
type Standing struct {
	signin.Gate
	Status Status // waiting: a proof is asked for; deny with a Link: once a device is set up there, it will be
	Link   string // where the person sets up a first device
}

// Preauth asks the gates about a person, and for a link to the enrollment pages where they want one.
func (e *Engine) Preauth(ctx context.Context, words *message.Catalogue, r signin.Request) (Standing, error) {
	g, err := e.gate(ctx, r)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Gate: g, Status: StatusOfGate(words, g)}
	if g.Outcome != signin.OutcomeEnroll {
		return s, nil
	}
	s.Link, err = e.Enroll.Portal(ctx, r.Application, g.User.ID, g.Username)
	switch {
	case errors.Is(err, enroll.ErrIssueNone):
		return s, nil
	case e.cannotBe(err): // a name that nobody new may have
		g = nobody(r)
		return Standing{Gate: g, Status: StatusOfGate(words, g)}, nil
	}
	return s, e.noPerson(err)
}

// gate asks the flow about the person of a call.
func (e *Engine) gate(ctx context.Context, r signin.Request) (signin.Gate, error) {
	g, err := e.SignIn.Preauth(ctx, r)
	if e.cannotBe(err) {
		return nobody(r), nil
	}
	return g, e.noPerson(err)
}

// cannotBe reports a name that can be nobody's, at a door that denies such a one.
func (e *Engine) cannotBe(err error) bool {
	return e.Rules.NoPerson == nil && errors.Is(err, user.ErrNameInvalid)
}

func nobody(r signin.Request) signin.Gate {
	return signin.Gate{Application: r.Application, Outcome: signin.OutcomeDeny}
}

func (e *Engine) noPerson(err error) error {
	if err != nil && e.Rules.NoPerson != nil {
		return e.Rules.NoPerson(err)
	}
	return err
}

// Digits gives what a phone will ask for in a request to this person, and the txid by which the request is to carry it
// (verified push). Both are good once, for some minutes.
func (e *Engine) Digits(g signin.Gate) (txid, digits string, err error) {
	return e.txids().ForNumber(g.Numbers(), digitsOf(g))
}

// DigitsOf gives the digits of a txid that Digits made for the same person, application and policy.
func (e *Engine) DigitsOf(txid string, g signin.Gate) (string, bool) {
	return e.txids().Number(txid, g.Numbers(), digitsOf(g))
}

// digitsOf is for whom digits are good.
func digitsOf(g signin.Gate) string { return g.Application.ID + "/" + g.User.ID }
