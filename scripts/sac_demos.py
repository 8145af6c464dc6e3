"""Soft Actor-Critic (stable-baselines3) that learns from demonstrations as well, in every batch.

Of every batch, half are steps of demonstrations, and the critics have layer norms (Ball, Smith, Kostrikov, Levine:
Efficient Online Reinforcement Learning with Offline Data, ICML 2023). The actor imitates nobody.
"""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.sac.policies import SACPolicy
from torch import nn
from torch.nn import functional as F


class LayerNormPolicy(SACPolicy):
    """Critics with a layer norm before each activation: they do not overrate actions that no batch holds."""

    def make_critic(self, features_extractor: Any = None) -> ContinuousCritic:
        """Return critics as of `SACPolicy`, with layer norms."""
        critic = super().make_critic(features_extractor)
        for i, net in enumerate(critic.q_networks):
            layers: list[nn.Module] = []
            for layer in net:
                layers.append(layer)
                if isinstance(layer, nn.Linear) and layer.out_features > 1:
                    layers.append(nn.LayerNorm(layer.out_features))
            critic.q_networks[i] = nn.Sequential(*layers)
            setattr(critic, f"qf{i}", critic.q_networks[i])
        return critic.to(self.device)


class DemoSAC(SAC):
    """SAC with a memory of demonstrations beside its own.

    Attributes:
        demos: steps of demonstrations; None for none, and then it is SAC.
    """

    demos: ReplayBuffer | None = None
    #: The actor learns once in so many updates of the critics.
    DELAY = 2

    def remember(self, steps: list[tuple[Any, ...]]) -> None:
        """Take demonstrations: steps as `ReplayBuffer.add` takes them."""
        n = self.n_envs
        self.demos = ReplayBuffer(
            len(steps) * n, self.observation_space, self.action_space, "cpu", n, **self.replay_buffer_kwargs
        )
        for step in steps:
            self.demos.add(*step)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "demos"]

    @staticmethod
    def _step(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def _batch(self, size: int) -> list[torch.Tensor]:
        """What was seen, done, seen then, whether it was the end, the reward; half of it shown."""
        if self.demos is None:
            parts = [self.replay_buffer.sample(size)]
        elif self.replay_buffer.size() == 0:
            parts = [self.demos.sample(size)]
        else:
            parts = [self.demos.sample(size // 2), self.replay_buffer.sample(size - size // 2)]
        return [torch.cat([part[i] for part in parts]) for i in range(5)]

    def train(self, gradient_steps: int, batch_size: int = 256) -> None:
        """Learn from so many batches."""
        self.policy.set_training_mode(True)
        for _ in range(gradient_steps):
            seen, done, after, over, reward = self._batch(batch_size)
            entropy = self.log_ent_coef.detach().exp()
            with torch.no_grad():
                following, log_prob = self.actor.action_log_prob(after)
                worth = torch.min(*self.critic_target(after, following)) - entropy * log_prob[:, None]
                target = reward + (1 - over) * self.gamma * worth
            self._step(self.critic.optimizer, sum(F.mse_loss(q, target) for q in self.critic(seen, done)))
            self._n_updates += 1
            if self._n_updates % self.DELAY == 0:
                actions, log_prob = self.actor.action_log_prob(seen)
                surplus = (log_prob.detach() + self.target_entropy).mean()
                self._step(self.ent_coef_optimizer, -self.log_ent_coef.sum() * surplus)
                loss = (entropy * log_prob[:, None] - torch.min(*self.critic(seen, actions))).mean()
                self._step(self.actor.optimizer, loss)
            polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
