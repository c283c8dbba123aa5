package directory

import (
	"context"
	"slices"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// ErrEnrolled reports an invitation of someone who has a device already (F-19).
var ErrEnrolled = errs.New(errs.Conflict, "user.enrolled")

// Invitation is a link just made; it is shown once.
type Invitation struct {
	User    user.User
	Link    secret.Text // the whole address
	Expires time.Time
	Mailed  bool // it also goes to the user's address
}

// Invite makes the link by which a user sets up a first way in (C-08). Earlier links stay good, and while one
// is open a new link ends when that one does: sending again does not extend. The link is mailed when the user
// has an address. Errors: user.ErrUnknown, ErrTrashed, ErrEnrolled.
func (f *Flow) Invite(ctx context.Context, actor audit.Actor, who string) (Invitation, error) {
	token := id.Token(f.rand, 32)
	inv := Invitation{Link: secret.NewText(f.publicURL + "/enroll/" + token)}
	err := f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		now := f.now()
		if inv.User, err = lockUser(ctx, st, who); err != nil {
			return err
		}
		if err := invitable(ctx, st, inv.User); err != nil {
			return err
		}
		open, err := st.OpenEnrollments(ctx, inv.User.ID, now)
		if err != nil {
			return err
		}
		inv.Expires = now.Add(enrollment.DefaultLife)
		open = slices.DeleteFunc(open, func(l enrollment.Link) bool { return l.ApplicationID != "" || l.Epoch != inv.User.Epoch })
		if len(open) > 0 {
			inv.Expires = open[0].Expires
		}
		link := enrollment.Link{
			ID: id.Key(f.rand, id.Enrollment), UserID: inv.User.ID, Epoch: inv.User.Epoch, Created: now, Expires: inv.Expires,
			Digest: f.keys.Digest(enrollment.DigestPurpose, token),
		}
		if err := st.CreateEnrollment(ctx, link); err != nil {
			return err
		}
		if inv.Mailed, err = f.mail(ctx, st, flow.Notice{
			Kind: "enrollment", To: inv.User.Email, Link: inv.Link.Reveal(),
			Args: []any{"username", inv.User.Username, "expires", inv.Expires},
		}); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "user_enroll", inv.User.Username, map[string]any{
			"user_id": inv.User.ID, "expires": inv.Expires.UTC().Format(time.RFC3339), "mailed": inv.Mailed,
		})
	})
	f.ring([]string{flow.OutboxTopic})
	return inv, err
}

func invitable(ctx context.Context, st Store, u user.User) error {
	if u.Status == user.PendingDeletion {
		return ErrTrashed
	}
	s, err := st.SnapshotByAccount(ctx, u.ID)
	if err == nil && s.Person().CanProve() {
		err = ErrEnrolled
	}
	return err
}
