// SPDX-License-Identifier: Apache-2.0
#include "client/theory/flow.h"

#include <cstddef>

#include "common/check.h"

namespace hebb::theory {
namespace {

// P_1 .. P_L
std::vector<Matrix> ProductsOf(const Network& network) {
  std::vector<Matrix> products = {network.w[0]};
  for (size_t l = 1; l < network.w.size(); ++l) {
    products.emplace_back(network.w[l] * products.back());
  }
  return products;
}

void Move(Network& network, const Network& velocity, double dt) {
  for (size_t l = 0; l < network.w.size(); ++l) network.w[l] += dt * velocity.w[l];
  for (size_t l = 1; l < velocity.r.size(); ++l) network.r[l] += dt * velocity.r[l];
}

Motion MotionFrom(Rule rule, const Network& network, const std::vector<Matrix>& products,
                  const Matrix& target) {
  const size_t layers = network.w.size();
  HEBB_CHECK(rule == Rule::kBp || network.r.size() == layers);
  Motion motion;
  motion.error = target - products.back();
  motion.velocity.w.resize(layers);
  if (rule == Rule::kUrfb) motion.velocity.r.resize(layers);
  Matrix delta = motion.error;
  for (size_t l = layers - 1; l > 0; --l) {
    motion.velocity.w[l].noalias() = delta * products[l - 1].transpose();
    if (rule == Rule::kUrfb) motion.velocity.r[l] = motion.velocity.w[l].transpose();
    if (rule == Rule::kBp) {
      delta = network.w[l].transpose() * delta;
    } else {
      delta = network.r[l] * delta;
    }
  }
  motion.velocity.w[0] = delta;  // P_0 is the identity
  return motion;
}

}  // namespace

Motion MotionOf(Rule rule, const Network& network, const Matrix& target) {
  return MotionFrom(rule, network, ProductsOf(network), target);
}

Motion MotionWithRate(Rule rule, const Network& network, const Matrix& target) {
  const std::vector<Matrix> products = ProductsOf(network);
  Motion motion = MotionFrom(rule, network, products, target);
  Matrix change = motion.velocity.w[0];  // P_l', for one l after the other
  for (size_t l = 1; l < network.w.size(); ++l) {
    change = motion.velocity.w[l] * products[l - 1] + network.w[l] * change;
  }
  motion.rate = motion.error.cwiseProduct(change).sum() / motion.error.squaredNorm();
  return motion;
}

void Advance(Rule rule, Integrator integrator, double dt, const Matrix& target,
             const Motion& motion, Network& network) {
  if (integrator == Integrator::kEuler) {
    Move(network, motion.velocity, dt);
    return;
  }
  Network at = network;
  Move(at, motion.velocity, dt / 2);
  const Motion second = MotionOf(rule, at, target);
  at = network;
  Move(at, second.velocity, dt / 2);
  const Motion third = MotionOf(rule, at, target);
  at = network;
  Move(at, third.velocity, dt);
  const Motion fourth = MotionOf(rule, at, target);
  Move(network, motion.velocity, dt / 6);
  Move(network, second.velocity, dt / 3);
  Move(network, third.velocity, dt / 3);
  Move(network, fourth.velocity, dt / 6);
}

}  // namespace hebb::theory
