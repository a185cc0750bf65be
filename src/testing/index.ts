export {
  startTestCluster,
  type TestClientOptions,
  type TestCluster,
  type TestClusterOptions,
} from './cluster.ts';
