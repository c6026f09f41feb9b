"""ML-KEM-768 by another implementation, ``kyber-py``, which takes its randomness from whoever calls it.

So agreements in tests and test vectors are the same in every run, and two implementations of FIPS 203 have to
agree on each of them. It is pure Python and not constant in time: good for nothing but this.
"""

from kyber_py.ml_kem.default_parameters import DEFAULT_PARAMETERS
from kyber_py.ml_kem.ml_kem import ML_KEM

from protocol.e2e import BadBundleError, Encapsulate, Entropy


def encapsulate_with(entropy: Entropy) -> Encapsulate:
    """Encapsulation that takes its 32 random bytes from ``entropy``."""
    kem = ML_KEM(DEFAULT_PARAMETERS["ML768"])
    kem.random_bytes = entropy

    def encapsulate(key: bytes) -> tuple[bytes, bytes]:
        try:
            return kem.encaps(key)
        except ValueError:
            raise BadBundleError("the KEM prekey is no ML-KEM-768 key") from None

    return encapsulate
