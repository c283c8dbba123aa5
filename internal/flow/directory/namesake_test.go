package directory_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit/flowkit"
)

// namesakes are a database where somebody has the name that a person's ID reads as: from before such names were refused.
type namesakes struct {
	flow.DB
	name string
	who  user.User
}

func (d namesakes) Write(ctx context.Context, change func(flow.Store) error) error {
	return d.DB.Write(ctx, func(st flow.Store) error { return change(namesake{st, d.name, d.who}) })
}

type namesake struct {
	flow.Store
	name string
	who  user.User
}

func (s namesake) UserByName(ctx context.Context, name string) (user.User, error) {
	if name == s.name {
		return s.who, nil
	}
	return s.Store.UserByName(ctx, name)
}

// AC-009: an operator who names a person by ID means that one.
func TestAnIDIsNobodysName(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, by := context.Background(), directory.CommandLine
		k.Clock.Advance(time.Minute)
		alice, mallory := k.User("alice"), k.User("mallory")
		name, err := user.Normalize(alice.ID)
		k.OK(err)
		for _, as := range []string{alice.ID, name} {
			_, err := k.Directory.AddUser(ctx, by, as, directory.UserChange{})
			k.Want(err, user.ErrNameInvalid)
		}
		_, _, err = k.Enroll.Issue(ctx, k.Application("VPN"), `dom\`+alice.ID, time.Hour)
		k.Want(err, user.ErrNameInvalid)
		k.Rewire(func(n *flowkit.Needs) { n.Directory.DB = flow.PartOf[directory.Store](namesakes{k.DB, name, mallory}) })
		for _, as := range []string{alice.ID, name} {
			u, err := k.Directory.SetUser(ctx, by, as, directory.UserChange{RealName: ptr("Alice " + as)})
			if err != nil || u.ID != alice.ID {
				k.Errorf("%s is %s, %v", as, u.Username, err)
			}
		}
		_, err = k.Directory.SetUser(ctx, by, mallory.ID, directory.UserChange{RealName: ptr("M")})
		k.OK(err)
		_, err = k.Directory.SetUser(ctx, by, "DU0123456789ABCDEFGH", directory.UserChange{})
		k.Want(err, user.ErrUnknown)
	})
}
