package enroll

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/quota"
	"countersign/internal/domain/session"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/journal"
)

// Store is the part of the database that a Flow uses. What a method does stands in the Store that it is part of.
type Store interface {
	flow.MailStore
	journal.Store

	// activation.Store:
	ActivationByDigest(ctx context.Context, digest []byte) (activation.Activation, error)
	ActivationsOf(ctx context.Context, loginID, sessionID string, since time.Time) ([]activation.Activation, error)
	CountMailedActivations(ctx context.Context, loginID, sessionID string, since time.Time) (int, error)
	CreateActivation(ctx context.Context, a activation.Activation) error

	// enrollment.Store:
	CreateEnrollment(ctx context.Context, l enrollment.Link) error
	EnrollmentByDigest(ctx context.Context, digest []byte) (enrollment.Link, error)
	OpenEnrollments(ctx context.Context, userID string, now time.Time) ([]enrollment.Link, error)
	SweepEnrollments(ctx context.Context, userID string, before time.Time) (int64, error)

	// flow.Store:
	HoldPolicy(ctx context.Context) error
	SnapshotAt(ctx context.Context, id account.ID, applicationID string) (flow.Snapshot, error)
	SnapshotByAccount(ctx context.Context, id account.ID) (flow.Snapshot, error)

	// login.Store:
	BumpLogin(ctx context.Context, id string) error

	// phone.Store:
	PhonesOf(ctx context.Context, userID string) ([]phone.Phone, error)

	// quota.Store:
	TakeQuota(ctx context.Context, q quota.Quota, holder string, now time.Time) (bool, error)

	// user.Store:
	CreateUser(ctx context.Context, u user.User) error
	SessionByID(ctx context.Context, id string) (session.Session, error)
	AccountByID(ctx context.Context, id account.ID) (user.User, error)
	LockAccount(ctx context.Context, id account.ID) (user.User, error)
	UserByName(ctx context.Context, name string) (user.User, error)
}
