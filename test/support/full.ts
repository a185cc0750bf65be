/** Whether all of the slow tests are to run, or their fixed sample. */
export const full = process.env['KVRAFT_TEST_FULL'] === '1';
