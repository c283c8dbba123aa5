package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/server"
)

// seeds is what the load needs to know about the data.
type seeds struct {
	ClientID string   `json:"client_id"` // of the web application
	Secret   string   `json:"secret"`
	AuthID   string   `json:"auth_id"` // of the application that uses the Auth API
	AuthKey  string   `json:"auth_key"`
	Users    []person `json:"users"`   // sign in by code
	Waiting  []person `json:"waiting"` // sign in by a request to the phone
}

// person is a user, with the secrets on the user's phone.
type person struct {
	Name    string `json:"name"`
	UserID  string `json:"user_id"`
	PhoneID string `json:"phone_id"`
	OTP     []byte `json:"otp"` // secret of the passcodes
	Key     []byte `json:"key"` // private key, PKCS #8
	next    uint64 // counter of the next passcode
	answers int64  // counter of the last answer
}

// seedFile is where the seeding child leaves the seeds for its parent.
func seedFile(dir string) string { return filepath.Join(dir, "seeds.json") }

// plantSeeds fills an empty database with two applications and with people whose phones are paired. The method that a
// person used last decides which page a sign-in shows: the code page, or the page that waits for the phone.
func plantSeeds(ctx context.Context, s *server.Server, spec childSpec) error {
	name, spare, off := "Payroll", policy.SpareOff, false
	app, plain, err := s.Directory.AddApplication(ctx, directory.CommandLine, application.TypeWebSDK,
		directory.ApplicationChange{Name: &name, SelfService: &off, Policy: directory.PolicyChange{Spare: &spare}})
	if err != nil {
		return err
	}
	planted := seeds{ClientID: app.ID, Secret: plain.Reveal()}
	name = "Gateway"
	if app, plain, err = s.Directory.AddApplication(ctx, directory.CommandLine, application.TypeAuthAPI, directory.ApplicationChange{Name: &name}); err != nil {
		return err
	}
	planted.AuthID, planted.AuthKey = app.ID, plain.Reveal()
	if planted.Users, err = plantPeople(ctx, s, "user", "code:", spec.Users); err != nil {
		return err
	}
	if planted.Waiting, err = plantPeople(ctx, s, "waiting", "push:", spec.Waiting); err != nil {
		return err
	}
	raw, err := json.Marshal(planted)
	if err != nil {
		return err
	}
	return os.WriteFile(seedFile(spec.Dir), raw, 0o600)
}

// plantPeople creates n people, 500 in each database transaction. way is the beginning of LastMethod.
func plantPeople(ctx context.Context, s *server.Server, prefix, way string, n int) ([]person, error) {
	all := make([]person, 0, n)
	for len(all) < n {
		some := min(500, n-len(all))
		var group []person
		err := s.DB.Write(ctx, func(st flow.Store) error {
			group = group[:0]
			for i := range some {
				p, err := plantOne(ctx, s, st, fmt.Sprintf("%s%05d", prefix, len(all)+i), way)
				if err != nil {
					return err
				}
				group = append(group, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, group...)
	}
	return all, nil
}

// plantOne creates a user with a paired phone, as the product leaves them after enrollment.
func plantOne(ctx context.Context, s *server.Server, st flow.Store, name, way string) (person, error) {
	now := time.Now()
	p := person{Name: name, UserID: id.Key(rand.Reader, id.User), PhoneID: id.Key(rand.Reader, id.Phone), OTP: make([]byte, 20)}
	salt := make([]byte, 16)
	_, _ = rand.Read(p.OTP) // never fails
	_, _ = rand.Read(salt)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return p, err
	}
	if p.Key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return p, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return p, err
	}
	err = st.CreateUser(ctx, user.User{ID: p.UserID, Username: name, Email: name + "@example.edu", Status: user.Active,
		Created: now, FirstEnrolled: now, LastMethod: way + p.PhoneID, Salt: salt})
	if err != nil {
		return p, err
	}
	record := phone.Phone{ID: p.PhoneID, UserID: p.UserID, Name: "Phone of " + name, Platform: "Android", Created: now, Activated: now,
		OTP: phone.OTP{Type: "hotp", Seed: s.Keys.Seal(phone.SeedPurpose, p.PhoneID, p.OTP)}, Alerts: phone.AlertsOff}
	if err := st.CreatePhone(ctx, record); err != nil {
		return p, err
	}
	return p, st.BindKey(ctx, record, phone.Key{ID: phonewire.KeyID(spki), PhoneID: p.PhoneID, UserID: p.UserID, SPKI: spki, State: phone.KeyActive, Created: now})
}
