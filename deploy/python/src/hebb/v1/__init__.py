# SPDX-License-Identifier: Apache-2.0
"""The messages of the coordinator's services, made by protoc from proto/hebb/v1."""
