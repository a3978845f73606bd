package line

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Fingerprint is how a hub's key is called by those who are to know it: the SHA-256 of the public key as a SubjectPublicKeyInfo (RFC 7469,
// section 2.4), in 64 hexadecimal digits.
func Fingerprint(key crypto.PublicKey) (string, error) {
	b, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("the hub's key: %w", err)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:]), nil
}

// CheckFingerprint says whether s has the form of a fingerprint.
func CheckFingerprint(s string) error {
	if b, err := hex.DecodeString(s); err != nil || len(b) != sha256.Size || hex.EncodeToString(b) != s {
		return fmt.Errorf("%q is no fingerprint of a hub's key, 64 hexadecimal digits such as  chancery hub key  prints", s)
	}
	return nil
}

// The one TLS there is on a line: no older version, no key agreement that a later quantum computer opens.
const tlsVersion = tls.VersionTLS13

func tlsCurves() []tls.CurveID { return []tls.CurveID{tls.X25519MLKEM768} }

// ErrHubKey is in the error when who answers at the hub's address has another key than was said.
var ErrHubKey = errors.New("who answers there has another key than the hub's: its fingerprint in post.toml is wrong, or somebody is in between")

// pinned is the client's side: whoever has one of the keys is the hub. Names, times and signatures of others in its certificate say nothing.
func pinned(keys []string) (*tls.Config, error) {
	if len(keys) == 0 {
		return nil, errors.New("the hub's address is tls://, and its key is not known: give its fingerprint")
	}
	for _, k := range keys {
		if err := CheckFingerprint(k); err != nil {
			return nil, err
		}
	}
	keys = slices.Clone(keys)
	return &tls.Config{MinVersion: tlsVersion, CurvePreferences: tlsCurves(),
		InsecureSkipVerify: true, // of names and issuers; what follows takes its place, and TLS has proved that the other side holds the key
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return ErrHubKey
			}
			got, err := Fingerprint(s.PeerCertificates[0].PublicKey)
			if err != nil || !slices.Contains(keys, got) {
				return ErrHubKey
			}
			return nil
		}}, nil
}

// serverTLS is the hub's side. The certificate is made anew with each start: nobody looks at it but for its key.
func serverTLS(key crypto.Signer) (*tls.Config, error) {
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hub"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(100, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("the hub's key: %w", err)
	}
	return &tls.Config{MinVersion: tlsVersion, CurvePreferences: tlsCurves(), SessionTicketsDisabled: true,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}
