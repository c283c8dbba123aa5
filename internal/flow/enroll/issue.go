package enroll

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/user"
	"countersign/internal/flow/journal"
)

// Bounds of an issued code's life.
const (
	IssueLife    = 24 * time.Hour // when nobody says
	MaxIssueLife = 30 * 24 * time.Hour
)

// portalAgain is how long the same person gets the same link: clients repeat a call when its connection breaks.
const portalAgain = 30 * time.Second

// portalKept is how long the page of such a link says that it expired: afterwards the next one takes its place.
const portalKept = time.Hour

var (
	// ErrIssueLife reports a life of less than a second or more than MaxIssueLife.
	ErrIssueLife = errs.New(errs.Invalid, "activation.life")
	// ErrIssueNone reports a person no link can be made for.
	ErrIssueNone = errs.New(errs.Forbidden, "enrollment.none")
)

// Issue registers a new person on an application's word and gives the code by which the first phone is
// paired, shown by the application. username is read by the application's rule. user.ErrNameInvalid,
// user.ErrNameTaken, ErrIssueLife.
func (f *Flow) Issue(ctx context.Context, app application.Application, username string, life time.Duration) (user.User, Pairing, error) {
	var u user.User
	if life < time.Second || life > MaxIssueLife {
		return u, Pairing{}, ErrIssueLife
	}
	name, err := user.Normalize(username)
	if err != nil {
		return u, Pairing{}, err
	}
	if app.Normalization == application.NormalizationSimple {
		name = user.Simple(name)
	}
	var a activation.Activation
	err = f.db.Write(ctx, func(st Store) error {
		if simple := user.Simple(name); simple != name { // RULE-32: not a second person with one name
			if _, err := st.UserByName(ctx, simple); !errors.Is(err, user.ErrUnknown) {
				return firstOf(err, user.ErrNameTaken)
			}
		}
		if u, err = f.register(ctx, st, app, name); err != nil {
			return err
		}
		set, err := st.LoadSettings(ctx)
		if err != nil {
			return err
		}
		if a, err = f.fresh(ctx, st, Owner{}, Subject{Purpose: activation.Issue, UserID: u.ID}, f.now(), set); err != nil {
			return err
		}
		a.ApplicationID = app.ID
		a.Expires = a.Created.Add(life)
		if life > set.PairingLife {
			a.TypedDigest = nil // 40 bits are enough for ten minutes, not for a day
		}
		return st.CreateActivation(ctx, a)
	})
	if err != nil {
		return user.User{}, Pairing{}, err
	}
	return u, f.pairing(a), nil
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// register creates a user without a way in.
func (f *Flow) register(ctx context.Context, st Store, app application.Application, name string) (user.User, error) {
	salt := make([]byte, 16)
	if _, err := f.rand.Read(salt); err != nil {
		return user.User{}, err
	}
	u := user.User{ID: id.Key(f.rand, id.User), Username: name, Status: user.Active, Created: f.now(), Salt: salt}
	if err := st.CreateUser(ctx, u); err != nil {
		return user.User{}, err
	}
	by := audit.ByProgram(app.ID, "API", audit.OverPeople)
	return u, journal.Journal{Now: f.now, Rand: f.rand}.Act(ctx, st, by, "user_create", u.Username,
		map[string]any{"cause": "registered by an application", "application": app.Name})
}

// Issued tells what became of a code given by Issue to one user. An unknown code, or another user's, is dead.
func (f *Flow) Issued(ctx context.Context, userID, code string) (activation.State, error) {
	a, err := f.db.Read().ActivationByDigest(ctx, f.keys.Digest(activation.LinkPurpose, code))
	if errors.Is(err, activation.ErrExpired) {
		return activation.Dead, nil
	}
	if err != nil {
		return "", err
	}
	if a.Purpose != activation.Issue || a.UserID != userID {
		return activation.Dead, nil
	}
	return a.State(f.now()), nil
}

// Portal gives the link that opens the enrollment pages for a person whom the gates told to enroll. Somebody
// unknown is registered first. ErrIssueNone when the person has a way in meanwhile or may not sign in, when the application
// sends nobody to those pages any more, or when it has brought MaxNewcomers in an hour.
func (f *Flow) Portal(ctx context.Context, app application.Application, userID, username string) (string, error) {
	link, err := f.portal(ctx, app, userID, username)
	if errors.Is(err, user.ErrNameTaken) { // of two that came at once the second finds the first
		link, err = f.portal(ctx, app, userID, username)
	}
	return link, err
}

func (f *Flow) portal(ctx context.Context, app application.Application, userID, username string) (string, error) {
	var token string
	err := f.db.Write(ctx, func(st Store) error {
		if err := st.HoldPolicy(ctx); err != nil {
			return err
		}
		u, err := f.invitee(ctx, st, app, userID, username)
		if err != nil {
			return err
		}
		v, err := st.SnapshotAt(ctx, u.ID, app.ID)
		if err != nil {
			return err
		}
		now := f.now()
		l := enrollment.Link{ID: id.Key(f.rand, id.Enrollment), UserID: u.ID, ApplicationID: app.ID, Epoch: v.User.Epoch,
			Created: now, Expires: now.Add(enrollment.PortalLife)}
		if v.User.Refusal() != nil || v.Person().CanProve() || !v.Person().MayFollow(l, now) {
			return ErrIssueNone
		}
		open, err := st.OpenEnrollments(ctx, u.ID, now)
		if err != nil {
			return err
		}
		for _, o := range open {
			if o.ApplicationID == app.ID && o.Epoch == l.Epoch && now.Sub(o.Created) < portalAgain {
				token = f.portalToken(o.ID)
				return nil
			}
		}
		if _, err := st.SweepEnrollments(ctx, u.ID, now.Add(-portalKept)); err != nil {
			return err
		}
		token = f.portalToken(l.ID)
		l.Digest = f.keys.Digest(enrollment.DigestPurpose, token)
		return st.CreateEnrollment(ctx, l)
	})
	if err != nil {
		return "", err
	}
	return f.publicURL + "/enroll/" + token, nil
}

// portalToken derives the token from the link's row, as pairing codes are.
func (f *Flow) portalToken(linkID string) string {
	return base64.RawURLEncoding.EncodeToString(f.keys.Digest("enrollment-portal-token", linkID))
}

// invitee finds the person and locks the row, or registers who is not there yet.
func (f *Flow) invitee(ctx context.Context, st Store, app application.Application, userID, username string) (u user.User, err error) {
	if userID == "" {
		if u, err = st.UserByName(ctx, username); errors.Is(err, user.ErrUnknown) {
			if ok, err := st.TakeQuota(ctx, f.newcomers, app.ID, f.now()); err != nil || !ok {
				return u, firstOf(err, ErrIssueNone)
			}
			return f.register(ctx, st, app, username)
		}
		if err != nil {
			return u, err
		}
		userID = u.ID
	}
	return st.LockAccount(ctx, userID)
}
