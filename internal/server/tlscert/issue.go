package tlscert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	leafLife    = 397 * 24 * time.Hour // browsers refuse certificates of public authorities that last longer than 398 days
	renewBefore = 30 * 24 * time.Hour
	skew        = time.Hour // certificates begin this much earlier, for clients whose clock is behind
)

// issueCA makes a key and an authority's certificate for ten years. It returns the certificate in DER.
func issueCA(now time.Time) (*ecdsa.PrivateKey, []byte, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "countersign local CA " + now.UTC().Format(time.DateOnly), Organization: []string{"countersign"}},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return issue(template, nil, nil)
}

// issueLeaf makes a key and a server certificate for the names of o. It lasts leafLife, but not longer than ca.
func issueLeaf(o LocalOptions, ca *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte, error) {
	begin := o.Now().Add(-skew)
	if begin.Before(ca.NotBefore) {
		begin = ca.NotBefore
	}
	end := begin.Add(leafLife)
	if end.After(ca.NotAfter) {
		end = ca.NotAfter
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"countersign"}},
		NotBefore:             begin,
		NotAfter:              end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              o.Names,
		IPAddresses:           o.IPs,
	}
	return issue(template, ca, signer)
}

// issue makes a P-256 key and signs a certificate for it. Without a parent the certificate signs itself.
func issue(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	return key, der, err
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// replaceFile writes content in one step: after a crash the file has either the old or the new content.
func replaceFile(path string, content []byte, mode os.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if _, err := temp.Write(content); err != nil {
		return err
	}
	if err := temp.Chmod(mode); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
