package auth

import (
	"errors"

	"countersign/internal/api"
)

// without answers a call that was not read. When that is because the database is lost, the questions about a person
// are answered "no" with the reason, so that a program can show it; the others, and any other error, are what they were.
func (d *Door) without(pattern string, c call, err error) (any, error) {
	var lost *api.Lost
	if !errors.As(err, &lost) {
		return nil, err
	}
	c.app, c.params = lost.Application, lost.Params
	no, ok, failure := d.no(pattern, c)
	if !ok {
		return nil, err
	}
	d.note(c.r, api.ErrorOf(err))
	return no, failure
}

// no is the answer of an operation when nothing can be decided now; false for one that says nothing about a person.
func (d *Door) no(pattern string, c call) (any, bool, error) {
	s := api.StatusOfOutage(c.words)
	switch pattern {
	case At + "preauth":
		return preauthAnswer{Result: s.Result, Message: s.Text}, true, nil
	case At + "auth":
		b, err := d.decided(c, s)
		if b.TxID != "" {
			return txAnswer{b.TxID}, true, err
		}
		return answerOf(s), true, err
	case At + "auth_status":
		return statusAnswer{authAnswer: answerOf(s)}, true, nil
	}
	return nil, false, nil
}
