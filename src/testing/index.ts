export { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts';
