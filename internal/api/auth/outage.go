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
	s := api.StatusOfOutage(c.words)
	d.note(c.r, api.ErrorOf(err))
	switch pattern {
	case At + "preauth":
		return preauthAnswer{Result: s.Result, Message: s.Text}, nil
	case At + "auth":
		return d.settled(c, s)
	case At + "auth_status":
		return statusAnswer{authAnswer: answerOf(s)}, nil
	}
	return nil, err
}
