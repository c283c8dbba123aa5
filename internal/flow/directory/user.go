package directory

import (
	"context"
	"errors"
	"io"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/journal"
)

var (
	// ErrEmail reports something that is not exactly one mail address.
	ErrEmail = errs.New(errs.Invalid, "user.email")
	// ErrRealName reports a full name that is too long or has signs that steer how it is shown.
	ErrRealName = errs.New(errs.Invalid, "user.real_name")
	// ErrStatus reports a status an administrator cannot give.
	ErrStatus = errs.New(errs.Invalid, "user.status")
	// ErrNotLocked reports an unlock of a user who is not locked out.
	ErrNotLocked = errs.New(errs.Conflict, "user.not_locked")
)

// UserChange is what AddUser and SetUser write; nil leaves a field as it is.
type UserChange struct {
	RealName *string
	Email    *string      // exactly one address, or "" for none
	Status   *user.Status // active, bypass, disabled or pending deletion
	Notes    *string
}

// UserDetail is a user and what belongs to him.
type UserDetail struct {
	User        user.User
	Phones      []phone.Phone
	BypassCodes []bypass.Code // live ones
	UnlocksAt   time.Time     // zero: not locked out, or never by itself
}

// AddUser creates a user under the normalized name. Errors: user.ErrNameInvalid, user.ErrNameTaken, ErrEmail,
// ErrRealName, ErrStatus.
func (f *Flow) AddUser(ctx context.Context, actor audit.Actor, name string, c UserChange) (user.User, error) {
	if err := may(actor, audit.OverPeople); err != nil {
		return user.User{}, err
	}
	name, err := user.Normalize(name)
	if err != nil {
		return user.User{}, err
	}
	u := user.User{ID: id.Key(f.rand, id.User), Username: name, Status: user.Active, Created: f.now(), Salt: make([]byte, 16)}
	if _, err := io.ReadFull(f.rand, u.Salt); err != nil {
		return user.User{}, err
	}
	description, err := c.apply(&u)
	if err != nil {
		return user.User{}, err
	}
	description["user_id"] = u.ID
	err = f.change(ctx, actor, audit.OverPeople, func(st Store) error {
		if err := st.CreateUser(ctx, u); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "user_create", u.Username, description)
	})
	return u, err
}

// User finds a user by name or alias, in any spelling, or by ID. user.ErrUnknown.
func (f *Flow) User(ctx context.Context, who string) (UserDetail, error) {
	st := f.db.Read()
	u, err := findUser(ctx, st, who)
	if err != nil {
		return UserDetail{}, err
	}
	d := UserDetail{User: u}
	if d.Phones, err = st.PhonesOf(ctx, u.ID); err != nil {
		return d, err
	}
	if d.BypassCodes, err = st.LiveBypassCodes(ctx, u.ID, f.now()); err != nil {
		return d, err
	}
	s, err := st.LoadSettings(ctx)
	d.UnlocksAt = u.UnlocksAt(s.LockoutMinutes)
	return d, err
}

// Users lists users by name.
func (f *Flow) Users(ctx context.Context, q user.Query) ([]user.User, error) {
	return f.db.Read().Users(ctx, q)
}

// SetUser changes a user, never his name. Leaving the status active ends his sessions, open requests and
// pairing codes, and his browsers are forgotten. Nothing is written or logged when nothing differs.
func (f *Flow) SetUser(ctx context.Context, actor audit.Actor, who string, c UserChange) (user.User, error) {
	var u user.User
	var topics []string
	err := f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		topics = nil
		if u, err = lockUser(ctx, st, who); err != nil {
			return err
		}
		before := u
		description, err := c.apply(&u)
		if err != nil || len(description) == 0 {
			return err
		}
		if before.Status == user.LockedOut && u.Status != user.LockedOut {
			// Clears the failures too, so that the first wrong code does not lock him out again.
			if _, err := st.Unlock(ctx, u.ID, f.now()); err != nil {
				return err
			}
		}
		if err := st.SaveUser(ctx, u); err != nil {
			return err
		}
		if u.Status != before.Status && u.Status != user.Active {
			if topics, err = f.endAccess(ctx, st, u); err != nil {
				return err
			}
		}
		if u.Status != before.Status && u.Status == user.PendingDeletion {
			if err := f.discardInvitations(ctx, st, u.ID); err != nil {
				return err
			}
		}
		return f.log(ctx, st, actor, "user_update", u.Username, description)
	})
	f.ring(topics)
	return u, err
}

// DeleteUser moves a user to the trash: he cannot sign in, his links and codes end, his name stays taken.
func (f *Flow) DeleteUser(ctx context.Context, actor audit.Actor, who string) (user.User, error) {
	var u user.User
	var topics []string
	err := f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		topics = nil
		if u, err = lockUser(ctx, st, who); err != nil || u.Status == user.PendingDeletion {
			return err
		}
		if u.Status == user.LockedOut {
			if _, err := st.Unlock(ctx, u.ID, f.now()); err != nil {
				return err
			}
		}
		u.Status = user.PendingDeletion
		if err := st.SaveUser(ctx, u); err != nil {
			return err
		}
		if topics, err = f.endAccess(ctx, st, u); err != nil {
			return err
		}
		if err := f.discardInvitations(ctx, st, u.ID); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "user_pending_delete", u.Username, map[string]any{"user_id": u.ID})
	})
	f.ring(topics)
	return u, err
}

// Unlock lets a locked-out user try again (RULE-12). ErrNotLocked.
func (f *Flow) Unlock(ctx context.Context, actor audit.Actor, who string) (user.User, error) {
	var u user.User
	err := f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		if u, err = lockUser(ctx, st, who); err != nil {
			return err
		}
		done, err := st.Unlock(ctx, u.ID, f.now())
		if err != nil {
			return err
		}
		if !done {
			return ErrNotLocked.Arg("status", u.Status)
		}
		u.Status, u.Failures, u.LockedAt = user.Active, 0, time.Time{}
		return f.log(ctx, st, actor, "user_unlock", u.Username, map[string]any{"user_id": u.ID, "status": u.Status})
	})
	return u, err
}

// SignOut ends all that a user has opened, on every device and browser, and all that was proved; he may sign in again at once.
// user.ErrUnknown.
func (f *Flow) SignOut(ctx context.Context, actor audit.Actor, who string) (user.User, error) {
	var u user.User
	var topics []string
	err := f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		topics = nil
		if u, err = lockUser(ctx, st, who); err != nil {
			return err
		}
		if err := st.RaiseEpoch(ctx, u.ID); err != nil {
			return err
		}
		if topics, err = f.endAccess(ctx, st, u); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "user_sign_out", u.Username, map[string]any{"user_id": u.ID})
	})
	f.ring(topics)
	return u, err
}

// endAccess ends a user's sessions, remembered browsers, open requests and pairing codes, and names who waits for
// them.
func (f *Flow) endAccess(ctx context.Context, st Store, u user.User) (topics []string, err error) {
	now, userID := f.now(), u.ID
	if err := st.EndSessions(ctx, userID, ""); err != nil {
		return nil, err
	}
	if _, err := st.ForgetBrowsersOf(ctx, userID); err != nil {
		return nil, err
	}
	open, err := st.OpenTransactionsOf(ctx, userID, "", "")
	if err != nil {
		return nil, err
	}
	for _, t := range open {
		if err := st.DecideTransaction(ctx, t.ID, transaction.Cancelled, account.Proof{}, now); err != nil {
			return nil, err
		}
		topics = append(topics, flow.PhoneTopic(t.PhoneID))
		if t.LoginID == "" {
			if u.Status != user.Bypass {
				if err := f.explain(ctx, st, u, t); err != nil {
					return nil, err
				}
			}
			continue
		}
		if err := st.BumpLogin(ctx, t.LoginID); err != nil {
			return nil, err
		}
		topics = append(topics, flow.LoginTopic(t.LoginID))
	}
	if err := st.SupersedeUserActivations(ctx, userID, now); err != nil {
		return nil, err
	}
	slices.Sort(topics)
	return slices.Compact(topics), nil
}

// explain tells the program that waits for a request why it ended, and the log: no page does.
func (f *Flow) explain(ctx context.Context, st Store, u user.User, t transaction.Transaction) error {
	row := journal.Attempt{TxID: t.ID, Result: audit.Denied, Reason: audit.UserDisabled, Factor: factor.Asking(t).LogName(t.Number),
		User: u, Username: t.Username, Application: application.Application{ID: t.ApplicationID, Name: t.Application}, IP: t.IP, DeviceID: t.PhoneID}
	if p, err := st.PhoneByID(ctx, t.PhoneID); err == nil {
		row.Device = p.Name
	}
	if err := st.ExplainTransaction(ctx, t.ID, row.Factor, row.Reason); err != nil {
		return err
	}
	return f.journal().Attempt(ctx, st, row)
}

// discardInvitations ends enrollment links and bypass codes: a user in the trash has neither (C-08).
func (f *Flow) discardInvitations(ctx context.Context, st Store, userID string) error {
	if _, err := st.RevokeEnrollments(ctx, userID, f.now()); err != nil {
		return err
	}
	_, err := st.DeleteBypassCodes(ctx, userID, f.now())
	return err
}

// findUser takes an ID or any spelling of a name. What looks like an ID is one, if anybody has it.
func findUser(ctx context.Context, st Store, who string) (user.User, error) {
	if user.LooksLikeID(who) {
		if u, err := st.UserByID(ctx, strings.ToUpper(who)); !errors.Is(err, user.ErrUnknown) {
			return u, err
		}
	}
	name, err := user.Normalize(who)
	if err != nil {
		return user.User{}, user.ErrUnknown
	}
	return st.UserByName(ctx, name)
}

// lockUser finds a user and keeps the row until the database transaction ends.
func lockUser(ctx context.Context, st Store, who string) (user.User, error) {
	u, err := findUser(ctx, st, who)
	if err != nil {
		return u, err
	}
	return st.LockAccount(ctx, u.ID)
}

// apply writes the change into u and returns what differs, for the log.
func (c UserChange) apply(u *user.User) (map[string]any, error) {
	d := map[string]any{}
	if c.Email != nil {
		if err := checkEmail(*c.Email); err != nil {
			return nil, err
		}
	}
	if c.RealName != nil {
		name := strings.TrimSpace(*c.RealName)
		if utf8.RuneCountInString(name) > 256 || strings.ContainsFunc(name, steers) {
			return nil, ErrRealName
		}
		set(d, "realname", &u.RealName, &name)
	}
	if c.Status != nil {
		switch *c.Status {
		case user.Active, user.Bypass, user.Disabled, user.PendingDeletion:
		default: // locked out is the system's own word
			return nil, ErrStatus
		}
	}
	set(d, "email", &u.Email, c.Email)
	set(d, "status", &u.Status, c.Status)
	if c.Notes != nil && *c.Notes != u.Notes {
		u.Notes, d["notes"] = *c.Notes, "changed"
	}
	return d, nil
}

// steers reports a sign that changes how the text around it is shown.
func steers(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// checkEmail takes exactly one addr-spec (RFC 5322): no name, no brackets, no list, no quoting, no
// address of a machine, nothing that does not print.
func checkEmail(text string) error {
	if text == "" {
		return nil
	}
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || len(text) > 254 || strings.ContainsAny(text, "\"<>,;\\ ()[]%!") ||
		strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ErrEmail
	}
	return nil
}
