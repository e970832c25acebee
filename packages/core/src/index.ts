export { bounds, definitionDefaults, holderPattern, namePattern, type Range } from "./bounds.js";
export {
  AcquireAbortedError,
  AcquireTimeoutError,
  InvalidArgumentError,
  LeaseLostError,
  PermitsExceedLimitError,
  QueueFullError,
  RecoveringError,
  SemaphoreInUseError,
  SemaphoreUnknownError,
  SluiceError,
  type SluiceErrorCode,
  StoreIncompatibleError,
  StoreUnavailableError,
} from "./errors.js";
export { defaultHolder, newAttemptId, newLeaseId } from "./ids.js";
export { Keeper, type KeptLease } from "./lease/keeper.js";
export type { Lease } from "./lease/lease.js";
export type { AcquireOptions, SemaphoreOptions, TryAcquireOptions } from "./options.js";
export { type Refusal, refusalError } from "./refusal.js";
export { Semaphore } from "./semaphore.js";
export type {
  AcquireRequest,
  AcquireResult,
  Claim,
  DefineResult,
  Definition,
  Grant,
  LeaseStatus,
  LossReason,
  Page,
  ReleaseRequest,
  Renewal,
  RenewResult,
  ResizeResult,
  Restore,
  SemaphorePage,
  SemaphoreStatus,
  Snapshot,
  Store,
  StoreObserver,
  WaiterStatus,
} from "./store.js";
export { Alarm } from "./stores/alarm.js";
export { ServerClock } from "./stores/server-clock.js";
