package signin

import (
	"context"
	"slices"
	"time"

	"countersign/internal/base/message"
	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// A wrong code counts on every authenticator that it was compared with, beside the person's count that locks out. Neither
// another factor, nor the end of a lock-out, nor time takes that back (RULE-43).

// What is told: kinds of mail, and actions of the log behind "user_".
const (
	halfWay  = "codes_half_way"
	codesOff = "codes_off"
	reported = "codes_off_reported" // to the people who look after sign-ins
)

// counted is an authenticator that a code was counted on, and what its guesses amount to with it.
type counted struct {
	factor.Tried
	sum account.Guesses
}

// countGuesses counts a code on whatever it is compared with. One without room for a guess is not looked at.
func (f *Flow) countGuesses(ctx context.Context, st Store, s Session, code string, w *weighed) error {
	tried, err := factor.AllTried(ctx, f.tools(), st, s.owner(), code)
	if err != nil {
		return err
	}
	for _, a := range tried {
		a.LoginID, a.Time = s.Login.ID, f.now()
		sum, room, err := st.CountGuess(ctx, a.Guess)
		if err != nil {
			return err
		}
		if room {
			w.counted, w.slow = append(w.counted, counted{a, sum}), w.slow || a.Slow
		} else if err := f.turnOff(ctx, st, s, a, w); err != nil { // one that broke off was the last
			return err
		}
	}
	return nil
}

// heedAll heeds the guesses of a code once all looks at it are over: until then it may be right.
func (f *Flow) heedAll(ctx context.Context, st Store, s Session, w *weighed) error {
	for _, c := range w.counted {
		if err := f.heed(ctx, st, s, c, w); err != nil {
			return err
		}
	}
	return nil
}

// heed turns the codes of an authenticator off whose last guess that was, and warns half-way.
func (f *Flow) heed(ctx context.Context, st Store, s Session, c counted, w *weighed) error {
	if c.sum.Full(c.Chance) {
		return f.turnOff(ctx, st, s, c.Tried, w)
	}
	if !c.sum.HalfWay() || f.now().Sub(c.sum.Warned) < account.WarnAgain {
		return nil
	}
	if now, err := st.WarnOfGuesses(ctx, c.Guess); err != nil || !now {
		return err
	}
	return f.tellOfGuesses(ctx, st, s, c.Tried, c.sum, w, halfWay)
}

func (f *Flow) turnOff(ctx context.Context, st Store, s Session, a factor.Tried, w *weighed) error {
	sum, now, err := st.TurnCodesOff(ctx, a.Guess)
	if err != nil || !now {
		return err
	}
	for i := range s.Phones {
		if s.Phones[i].ID == a.ID {
			s.Phones[i].Guesses.Off = a.Time // the answer says so
		}
	}
	if err := f.tellOfGuesses(ctx, st, s, a, sum, w, codesOff); err != nil {
		return err
	}
	return f.mailOfGuesses(ctx, st, s, a, reported, s.Settings.FraudEmail)
}

// tellOfGuesses writes the log row, and a mail of that kind to the owner.
func (f *Flow) tellOfGuesses(ctx context.Context, st Store, s Session, a factor.Tried, sum account.Guesses, w *weighed, what string) error {
	w.alarm = true
	device := a.Device
	if device == "" {
		device = message.English().Text("codes.desk")
	}
	if err := f.journal().Act(ctx, st, audit.System, "user_"+what, s.User.Username, map[string]any{"authenticator_id": a.ID, "device": device,
		"in_a_row": sum.InARow, "chance_used_percent": sum.Percent(), "application": s.Application.Name, "ip": s.Login.IP}); err != nil {
		return err
	}
	return f.mailOfGuesses(ctx, st, s, a, what, s.User.Email)
}

// mailOfGuesses names no device for a code of the help desk, whose mails have texts of their own.
func (f *Flow) mailOfGuesses(ctx context.Context, st Store, s Session, a factor.Tried, kind, to string) error {
	return f.notices.Queue(ctx, st, flow.Notice{Kind: kind, To: to, Args: []any{"user", s.User.Username, "device", a.Device,
		"application", s.Application.Name, "time", f.now()}})
}

// alarm sends the mail and tells the person's phones, once it is on disk, and waits for no push service.
func (f *Flow) alarm(s Session) {
	f.bell.Ring(flow.OutboxTopic)
	if f.doorbell == nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		for _, p := range s.Phones {
			if err := factor.AlertOfGuesses(ctx, f.tools(), p, s.User.Username); err != nil {
				f.logger.Warn("a phone was not told of wrong codes", "phone", p.ID, "err", err)
			}
		}
	}()
}

// forgive takes back what the same browser sign-in got wrong before this right code: slips of the hand. They counted on every
// phone with an app, so they are taken back on each. A door without a sign-in of its own takes nothing back.
func (f *Flow) forgive(ctx context.Context, st Store, s Session, m factor.Match) error {
	guessed := m.Source == account.Desk || slices.ContainsFunc(s.Phones, func(p phone.Phone) bool { return p.Guesses.Chance > 0 })
	if s.Login.ID == "" || !guessed {
		return nil
	}
	return st.ForgiveGuesses(ctx, m.Source, s.Login.ID)
}
