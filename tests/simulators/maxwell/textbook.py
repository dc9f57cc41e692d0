"""Textbook RCWA in NumPy: all exponentials, eigenvectors, one linear system for all interfaces.

Nothing here is taken from the package: no symmetry, no series for cosh, other units of H.
"""

import numpy as np
from scipy.special import j1

LIGHT_SPEED = 299.792458  # µm THz
PLACES = ((0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5))  # of the four cylinders, in periods


def slab(eps, thickness, frequencies):
    """Amplitudes r and t of a homogeneous slab: Fresnel's, summed by Airy."""
    n = np.sqrt(complex(eps))
    one = (1 - n) / (1 + n)
    turn = np.exp(2j * np.pi / LIGHT_SPEED * n * frequencies * thickness)
    below = 1 - one**2 * turn**2
    return one * (1 - turn**2) / below, (1 - one**2) * turn / below


def grating(eps, fill, period, thickness, frequency, orders, *, tm):
    """Lamellar grating, E along the grooves (TE) or H along them (TM).

    Returns:
        r and t of the electric field in order 0, and the power in all orders.

    Source: Moharam et al. (1995), with the inverse rule of Li (1996) for TM.
    """
    n = np.arange(-orders, orders + 1)
    one, zero = np.eye(len(n)), np.zeros((len(n), len(n)))
    k = 2 * np.pi * frequency / LIGHT_SPEED
    kx = n * 2 * np.pi / period / k

    def product(inside):
        order = n[:, None] - n
        return (order == 0) + (inside - 1) * fill * np.sinc(order * fill)

    if tm:  # H'' = [[1/ε]]⁻¹ (Kx [[ε]]⁻¹ Kx − 1) H; continuous are H and [[1/ε]] H'
        inverse = np.linalg.inv(product(eps))
        squared = np.linalg.solve(product(1 / eps), kx[:, None] * inverse * kx - one)
        flux = product(1 / eps)
    else:  # E'' = (Kx² − [[ε]]) E; continuous are E and E'
        squared, flux = np.diag(kx**2) - product(eps), one
    q, waves = _decaying(squared)
    slopes = flux @ waves * q
    over = np.exp(-q * k * thickness)
    kz = np.sqrt(1 - kx**2 + 0j)
    free, arriving = np.diag(1j * kz), (n == 0).astype(complex)
    # continuity at the front, then at the back; unknown are r, both waves of the layer, and t
    system = np.block(
        [
            [-one, waves, waves * over, zero],
            [free, -slopes, slopes * over, zero],
            [zero, waves * over, waves, -one],
            [zero, -slopes * over, slopes, -free],
        ]
    )
    known = np.concatenate([arriving, free @ arriving, 0 * arriving, 0 * arriving])
    r, *_, t = np.split(np.linalg.solve(system, known), 4)
    powers = [(abs(a) ** 2 * kz.real).sum() for a in (r, t)]
    # E changes sign against H where the wave turns round
    return (-r if tm else r)[orders], t[orders], *powers


def cylinders(heights, radii, period, orders):
    """Layers of the super-cell from the ground up: thickness, and the indicator's coefficients."""
    order = np.arange(-2 * orders, 2 * orders + 1)
    x, y = np.meshgrid(order, order, indexing="ij")
    wave = 2 * np.pi / period * np.hypot(x, y)
    wave[2 * orders, 2 * orders] = 1e-9  # the limit 1 of 2 J₁(u)/u
    ground = 0.0
    for top in sorted(heights):
        inside = 0
        for height, radius, (a, b) in zip(heights, radii, PLACES, strict=True):
            if height >= top:
                disc = 2 * np.pi * radius / period**2 / wave * j1(wave * radius)
                inside = inside + disc * np.exp(-2j * np.pi * (x * a + y * b))
        yield top - ground, inside
        ground = top


def product(coefficients, orders):
    """Matrix that multiplies by a function, in orders −M to M along x and y, y running faster."""
    n = np.arange(-orders, orders + 1)
    x, y = (v.ravel() for v in np.meshgrid(n, n, indexing="ij"))
    return coefficients[x[:, None] - x + 2 * orders, y[:, None] - y + 2 * orders]


def permittivity(eps, inside):
    """Coefficients of ε from those of the indicator."""
    coefficients = (eps - 1) * np.asarray(inside, complex)
    middle = len(inside) // 2
    coefficients[middle, middle] += 1
    return coefficients


def cell(heights, radii, eps, period, frequency, orders, *, normals):
    """The super-cell of cylinders under an x-polarised wave that falls straight down.

    Returns:
        r and t of E_x in order 0, and the power in all orders.
    """
    n = np.arange(-orders, orders + 1)
    k = 2 * np.pi * frequency / LIGHT_SPEED
    kx, ky = (v.ravel() * 2 * np.pi / period / k for v in np.meshgrid(n, n, indexing="ij"))
    size, one = len(kx), np.eye(len(kx))
    both = np.eye(2)
    away = _normals(orders) if normals else None

    def operators(transverse, along):
        """P and Q of e' = P h, h' = Q e, for e = (E_x, E_y) and h = −i Z₀ (H_x, H_y)."""
        xx, xy, yx, yy = (
            kx[:, None] * along * kx,
            kx[:, None] * along * ky,
            ky[:, None] * along * kx,
            ky[:, None] * along * ky,
        )
        turned = np.kron([[0, 1], [-1, 0]], one) @ transverse
        curls = np.block(
            [[np.diag(kx * ky), np.diag(-(kx**2))], [np.diag(ky**2), np.diag(-kx * ky)]]
        )
        return np.block([[xy, one - xx], [yy - one, -yx]]), curls + turned

    kz = np.tile(np.sqrt(1 - kx**2 - ky**2 + 0j), 2)
    upward = operators(np.eye(2 * size), one)[1] / (1j * kz)  # h of a wave that goes up
    arriving = np.zeros(2 * size, complex)
    arriving[size // 2] = 1
    # each row of blocks is one interface; unknown are t, two waves a layer, and r
    below = [(np.eye(2 * size), -upward)]
    rows = []
    for thickness, inside in cylinders(heights, radii, period, orders):
        eps_matrix = product(permittivity(eps, inside), orders)
        transverse = np.kron(both, eps_matrix)
        if normals:
            inverse = np.linalg.inv(product(permittivity(1 / eps, inside), orders))
            excess = transverse - np.kron(both, inverse)
            transverse = transverse - (excess @ away + away @ excess) / 2
        p, q_matrix = operators(transverse, np.linalg.inv(eps_matrix))
        q, waves = _decaying(p @ q_matrix)
        slopes = q_matrix @ waves / q
        over = np.exp(-q * k * thickness)
        rows.append((below, [(waves, -slopes), (waves * over, slopes * over)]))
        below = [(waves * over, -slopes * over), (waves, slopes)]
    rows.append((below, [(np.eye(2 * size), upward)]))
    system = np.zeros((4 * size * len(rows),) * 2, complex)
    column = 0
    for row, (lower, upper) in enumerate(rows):
        here = slice(4 * size * row, 4 * size * (row + 1))
        parts = [np.concatenate(part) for part in lower] + [-np.concatenate(part) for part in upper]
        block = np.concatenate(parts, 1)
        system[here, column : column + block.shape[1]] = block
        column += 2 * size * len(lower)
    known = np.zeros(len(system), complex)
    known[-4 * size :] = np.concatenate([arriving, -upward @ arriving])
    solution = np.linalg.solve(system, known)
    t, r = solution[: 2 * size], solution[-2 * size :]

    def power(e):
        h = upward @ e
        return (e[:size].conj() * -1j * h[size:] + e[size:].conj() * 1j * h[:size]).sum().real

    powers = [power(e) / power(arriving) for e in (r, t)]
    return r[size // 2], t[size // 2], *powers


def _decaying(squared):
    """Eigenvectors, and the roots of the eigenvalues that have a positive real part."""
    values, vectors = np.linalg.eig(squared.astype(complex))
    return np.sqrt(values), vectors


def _normals(orders, points=1024):
    """The matrix of N Nᵀ, N pointing away from the nearest axis: midpoint rule on the cell."""
    place = (np.arange(points) + 0.5) / points
    away = (place + 0.25) % 0.5 - 0.25
    x, y = np.meshgrid(away, away, indexing="ij")
    order = np.arange(-2 * orders, 2 * orders + 1)
    wave = np.exp(-2j * np.pi * np.outer(order, place)) / points
    xx, xy, yy = (
        product(wave @ (part / (x * x + y * y)) @ wave.T, orders) for part in (x * x, x * y, y * y)
    )
    return np.block([[xx, xy], [xy, yy]])
